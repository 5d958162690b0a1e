"""What the portal and the tunnel manager both need: the instance's applications, and who may ask."""
