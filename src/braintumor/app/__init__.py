"""The page: drop slices, see what the networks say and where they looked, and how good they are.

Built on Streamlit, from bundles alone; this room never imports Keras or TensorFlow and knows
nothing of training. Nothing that is uploaded is written to disk, logged, or sent anywhere.
"""
