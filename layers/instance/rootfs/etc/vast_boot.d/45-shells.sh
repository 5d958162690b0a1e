#!/bin/bash
# Shells of root and `user` know the instance's variables and programs; git trusts folders of a volume, whoever owns them.
instance shells
