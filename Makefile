# Every target finds or fetches Node and node_modules first (tools/bootstrap.sh), and needs no terminal. A command is its
# file in tools/commands/, its target here and its npm script; `npm run <command> -- --help` says what it takes.
STACK ?= dev
NODE := tools/bootstrap.sh
COMMANDS := tools/commands

# As they are written, quotes and dollars included: release.yml takes stacks from names of files.
export STRATA_COMMAND = $(value COMMAND)
export STRATA_STACK = $(value STACK)
export STRATA_LAYER = $(value LAYER)

# What config.ts takes instead of the stack's own configuration; unset is not the same as empty.
ifneq ($(value RECIPE),)
export STRATA_RECIPE = $(value RECIPE)
endif
ifneq ($(value GENERATION),)
export STRATA_GENERATION = $(value GENERATION)
endif

# The words for one command are not for those that it starts: tests call make. And make expands what it hands on.
unexport ARGS COMMAND STACK LAYER RECIPE GENERATION
MAKEOVERRIDES =

.DEFAULT_GOAL := help
.PHONY: help up preview stage shell check-packages export run template rollback audit sbom vulnerabilities verify \
	reproduce models import lock down clean comment history reaper gc mutants package test test-fast check fix bench

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  STACK=dev        the Pulumi stack: Pulumi.<STACK>.yaml"
	@echo "  RECIPE=name      build another recipe than the stack's; a path is an external recipe"
	@echo "  GENERATION=name  build for another GPU generation than the stack's"
	@echo "  RETEST=1         run the smoke test again although the image is known"
	@echo "  FULL=1           run Pulumi also where nothing has changed since the last update"
	@echo "  LAYER=name       the layer that is meant; a wrong name lists them"
	@echo "  ARGS='...'       further words for the command; ARGS=--help says what it takes"

up: ## Set everything up, build, push and smoke-test the image
	@$(NODE) $(COMMANDS)/up.ts --stack "$$STRATA_STACK" $(if $(RETEST),--retest) $(if $(FULL),--full) $(ARGS)

preview: ## Show what `make up` would do, and why
	@$(NODE) $(COMMANDS)/preview.ts --stack "$$STRATA_STACK" $(ARGS)

stage: ## Build one layer alone, and what it needs: LAYER=torch
	@$(NODE) $(COMMANDS)/stage.ts --stack "$$STRATA_STACK" --layer "$$STRATA_LAYER" $(ARGS)

shell: ## A shell in a stage, or COMMAND='python -V' there: LAYER=torch, else the product
	@$(NODE) $(COMMANDS)/shell.ts --stack "$$STRATA_STACK" --layer "$$STRATA_LAYER" --command "$$STRATA_COMMAND" $(ARGS)

check-packages: ## Whether the image's Python packages are as locked and fit together; newer versions
	@$(NODE) $(COMMANDS)/check-packages.ts --stack "$$STRATA_STACK" $(ARGS)

export: ## An image as a file for docker load and podman load: ARGS='--output FILE --gzip'
	@$(NODE) $(COMMANDS)/export.ts --stack "$$STRATA_STACK" $(ARGS)

run: ## Run the product with Docker or podman; further words for it after --: ARGS='-- -e NAME=VALUE'
	@$(NODE) $(COMMANDS)/run.ts --stack "$$STRATA_STACK" $(ARGS)

template: ## The template of a rental platform for the product, as JSON: ARGS='vast --mode ssh'
	@$(NODE) $(COMMANDS)/template.ts --stack "$$STRATA_STACK" $(ARGS)

rollback: ## Where a tag has pointed, and move it back: ARGS='<tag> [<digest>]'
	@$(NODE) $(COMMANDS)/rollback.ts --stack "$$STRATA_STACK" $(ARGS)

audit: ## Read an image from its registry and check the invariants: ARGS='<reference>'
	@$(NODE) $(COMMANDS)/audit.ts $(ARGS)

sbom: ## What an image is made of, and under which licences: ARGS='[reference] [--licences] [--unowned]'
	@$(NODE) $(COMMANDS)/sbom.ts $(ARGS)

vulnerabilities: ## What is known against an image, or against a plan: ARGS='[reference | stack] [--plan]'
	@$(NODE) $(COMMANDS)/vulnerabilities.ts $(ARGS)

verify: ## What of an image is signed, and how cosign checks it: ARGS='[reference] [--key FILE]'
	@$(NODE) $(COMMANDS)/verify.ts $(ARGS)

reproduce: ## Build the stages of a product again on an empty builder, and compare: ARGS='[reference] [--stage NAME]'
	@$(NODE) $(COMMANDS)/reproduce.ts --stack "$$STRATA_STACK" $(ARGS)

models: ## Which models and custom nodes workflows need: ARGS='<workflow>...'
	@$(NODE) $(COMMANDS)/models.ts $(ARGS)

import: ## A recipe of one's own from a snapshot, a ComfyUI folder, workflows: ARGS='<what> --name my-images'
	@$(NODE) $(COMMANDS)/import.ts $(ARGS)

lock: ## Look everything up anew and pin it: ARGS='python', ARGS=--check
	@$(NODE) $(COMMANDS)/lock.ts $(ARGS)

down: ## Stop the builder and the registry, keep their data
	@$(NODE) $(COMMANDS)/down.ts $(ARGS)

clean: ## Stop them and remove all that was built here; ARGS=--unneeded: only what nothing needs, told first
	@$(NODE) $(COMMANDS)/clean.ts $(ARGS)

comment: ## Make a preview the one comment on a pull request (CI)
	@$(NODE) $(COMMANDS)/comment.ts $(ARGS)

history: ## Add the build times of other machines to this clone's (CI): ARGS='<file>...'
	@$(NODE) $(COMMANDS)/history.ts $(ARGS)

reaper: ## What smoke tests left behind on AWS: ARGS='--region us-east-1 [--remove]'
	@$(NODE) $(COMMANDS)/reaper.ts $(ARGS)

gc: ## What the registries hold that nothing needs: ARGS=--remove
	@$(NODE) $(COMMANDS)/gc.ts $(ARGS)

mutants: ## Break the sources in a copy: which faults does no test notice? ARGS='--room lib/plan'
	@$(NODE) $(COMMANDS)/mutants.ts $(ARGS)

package: ## strata as a package for npm install: strata-<version>.tgz
	@$(NODE) $(COMMANDS)/package.ts $(ARGS)

test: ## All tests, those on a real builder and registry too; ARGS='unit smoke' for some
	@$(NODE) $(COMMANDS)/test.ts $(ARGS)

test-fast: ## Unit tests only: off line, no builder
	@$(NODE) $(COMMANDS)/test.ts unit

check: ## Format, lint, types and locks, scripts included
	@$(NODE) $(COMMANDS)/test.ts check

fix: ## Format and lint, mending what can be mended
	@$(NODE) node_modules/@biomejs/biome/bin/biome check --write .

bench: ## strata beside one Dockerfile with a registry cache, as ratios
	@$(NODE) tests/bench/bench.ts $(ARGS)
