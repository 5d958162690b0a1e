# Every target finds or fetches Node and node_modules first (tools/bootstrap.sh), and needs no terminal.
STACK ?= dev
NODE := tools/bootstrap.sh

# As it is written, quotes and dollars included.
export STRATA_COMMAND = $(value COMMAND)

# What config.ts takes instead of the stack's own configuration; unset is not the same as empty.
ifneq ($(RECIPE),)
export STRATA_RECIPE := $(RECIPE)
endif
ifneq ($(GENERATION),)
export STRATA_GENERATION := $(GENERATION)
endif

.DEFAULT_GOAL := help
.PHONY: help up preview stage shell check-packages test test-fast check fix down clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  STACK=dev        the Pulumi stack: Pulumi.<STACK>.yaml"
	@echo "  RECIPE=name      build another recipe than the stack's; a path is a recipe of one's own"
	@echo "  GENERATION=name  build for another GPU generation than the stack's"
	@echo "  RETEST=1         run the smoke test again although the image is known"
	@echo "  LAYER=name       the layer that is meant; a wrong name lists them"

up: ## Set everything up, build, push and smoke-test the image
	@$(NODE) tools/commands/up.ts --stack $(STACK) $(if $(RETEST),--retest)

preview: ## Show what `make up` would do, and why
	@$(NODE) tools/commands/preview.ts --stack $(STACK)

stage: ## Build one layer alone, and what it needs: LAYER=torch
	@$(NODE) tools/commands/stage.ts --stack $(STACK) --layer "$(LAYER)"

shell: ## A shell in a stage, or COMMAND='python -V' there: LAYER=torch, else the product
	@$(NODE) tools/commands/shell.ts --stack $(STACK) --layer "$(LAYER)" --command "$$STRATA_COMMAND"

check-packages: ## Whether the image's Python packages are as locked and fit together; newer versions
	@$(NODE) tools/commands/check-packages.ts --stack $(STACK)

test: ## All tests, those on a real builder and registry too
	@$(NODE) tools/commands/test.ts

test-fast: ## Unit tests only: off line, no builder
	@$(NODE) tools/commands/test.ts unit

check: ## Format, lint, types and locks, scripts included
	@$(NODE) tools/commands/test.ts check

fix: ## Format and lint, mending what can be mended
	@$(NODE) node_modules/@biomejs/biome/bin/biome check --write .

down: ## Stop the builder and the registry, keep their data
	@$(NODE) tools/commands/down.ts

clean: ## Stop them and remove all that was built here; the tools stay in the cache
	@$(NODE) tools/commands/clean.ts
