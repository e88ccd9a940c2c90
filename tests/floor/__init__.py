"""What is tested on the oldest supported TensorFlow besides the layers."""
