# Every target works on a bare Debian 12 and needs no earlier step; `make` alone lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ifndef C2D_BEGUN
export C2D_BEGUN := $(shell date +%s)
endif
PYTHON := .venv/bin/python
LOCAL := $(PYTHON) -m infra.local
AWS := $(PYTHON) -m infra.aws
PINS := pyproject.toml constraints.txt cli/pyproject.toml infra/local/bootstrap

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

.venv/.installed: $(PINS)
	@infra/local/bootstrap
	@touch $@

.venv/.dev: .venv/.installed
	@infra/local/bootstrap dev
	@touch $@

.venv-sam/.installed: .venv/.installed
	@python3 -m venv .venv-sam
	@.venv-sam/bin/python -m pip install --quiet --disable-pip-version-check 'aws-sam-cli==1.170.*'
	@touch $@

.PHONY: install
install: .venv/.installed ## Install what the platform needs, saying what and why first
	@$(LOCAL) install

.PHONY: demo
demo: .venv/.installed ## From a fresh machine to the live URL of an example
	@$(LOCAL) demo

.PHONY: up
up: .venv/.installed ## Start the platform and wait until it is ready
	@$(LOCAL) up

.PHONY: down
down: .venv/.installed ## Stop what `make up` started; services run on
	@$(LOCAL) down

.PHONY: status
status: .venv/.installed ## Show how the platform stands
	@$(LOCAL) status

.PHONY: logs
logs: .venv/.installed ## Show the newest lines of the platform's logs
	@$(LOCAL) logs

.PHONY: upgrade
upgrade: ## Install this checkout's version into the running platform; builds finish first
	@infra/local/bootstrap
	@touch .venv/.installed
	@$(LOCAL) upgrade

.PHONY: images
images: .venv/.installed ## Pull the base images, or make stand-ins where they cannot be pulled
	@$(LOCAL) images

.PHONY: firewall
firewall: .venv/.installed ## Keep services away from this machine (root; `up` does it by itself)
	@$(PYTHON) -m infra.local.firewall ensure

.PHONY: test
test: .venv/.dev .venv-sam/.installed ## Run all that CI runs
	@$(LOCAL) install --tests
	@$(PYTHON) -m tests.suites

.PHONY: check
check: .venv/.dev ## Lint, types, imports, generated files
	@$(PYTHON) -m tests.suites check

.PHONY: invoke
invoke: .venv/.dev .venv-sam/.installed ## Invoke every function in a container, with sam local
	@$(PYTHON) -m tests.sam.invoke

.PHONY: template
template: .venv/.dev ## Write the stacks and sample events from the code
	@$(PYTHON) -m infra.generate

.PHONY: build
build: .venv/.dev .venv-sam/.installed ## Build functions and layers for AWS, and say what they weigh
	@PATH="$(CURDIR)/.venv-sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 sam build
	@$(PYTHON) -m infra.aws.sizes

.PHONY: deploy
deploy: .venv/.dev .venv-sam/.installed ## Release to AWS: make deploy STAGE=staging [DRY_RUN=1]
	@$(AWS) deploy --stage '$(STAGE)' $(if $(DRY_RUN),--dry-run)

.PHONY: migrate
migrate: .venv/.dev ## Apply the migrations that wait: make migrate STAGE=staging [DRY_RUN=1]
	@$(AWS) migrate --stage '$(STAGE)' $(if $(DRY_RUN),--dry-run)

.PHONY: destroy
destroy: .venv/.dev ## Delete a stage, after asking; keys and snapshots stay
	@$(AWS) destroy --stage '$(STAGE)'

.PHONY: format
format: .venv/.dev ## Format the code
	$(PYTHON) -m ruff check --fix --quiet .
	$(PYTHON) -m ruff format .

.PHONY: bench
bench: .venv/.dev .venv-sam/.installed ## Measure click-to-live, the API and cold starts against their floors
	@$(PYTHON) -m benchmarks

.PHONY: bare
bare: ## Run `make demo` in a fresh Debian 12 (root, debootstrap)
	@tests/bare/run demo

.PHONY: lock
lock: ## Resolve pyproject.toml anew and write constraints.txt
	@rm -rf .venv-lock && python3 -m venv .venv-lock
	@.venv-lock/bin/python infra/local/requirements.py dev >.venv-lock/requirements.txt
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement .venv-lock/requirements.txt ./cli
	@echo '# Versions of every dependency, direct and indirect. Made by `make lock`.' >constraints.txt
	@.venv-lock/bin/python -m pip freeze | grep -v -e '^click-to-deploy' -e '@ file' >>constraints.txt
	@rm -rf .venv-lock
