"""The image's own service: says whether the image is healthy and what it is made of."""
