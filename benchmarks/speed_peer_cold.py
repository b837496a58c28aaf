"""The script that a user of Keras would write to classify one picture: MODEL PICTURE."""

import sys

import keras
import numpy as np

model = keras.models.load_model(sys.argv[1], compile=False)
picture = keras.utils.load_img(sys.argv[2], color_mode="grayscale", target_size=(160, 160))
logits = model.predict(keras.utils.img_to_array(picture)[np.newaxis], verbose=0)
print(int(logits[0].argmax()))
