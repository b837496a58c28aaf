"""What is deployed: one graph and its card, and the classifier that runs them without Keras.

A bundle is a folder with `model.onnx` and `card.json`. This room never imports Keras or
TensorFlow, and does not know how a bundle came to be.
"""
