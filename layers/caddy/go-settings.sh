#!/bin/sh
# Sourced. Go as the wheel brings it, and nothing of what a machine sets for other builds.
export PATH="/opt/go/go/bin:$PATH"
export GOPATH=/go GOCACHE=/go/cache GOTOOLCHAIN=local GOWORK=off GOENV=off CGO_ENABLED=0
export GOFLAGS="-mod=readonly -trimpath -buildvcs=false"
