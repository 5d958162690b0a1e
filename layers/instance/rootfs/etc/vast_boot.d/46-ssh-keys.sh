#!/bin/bash
# Keys that the container was given, for root, and root's for `user`.
instance ssh-keys
