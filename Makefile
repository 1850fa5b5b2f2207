# The project's commands. The work is done by the scripts in tools/, which set up what they need under build/.
#
#   PYTHON       the interpreter at hand (default: python3)
#   PYTHONS      more interpreters, by blanks between them: executables, or installations with bin/python3
#   TSAN_PYTHON  an interpreter built with ThreadSanitizer, for `make tsan`
#   SECONDS      how long `make fuzz` runs each target (default: 60)

PYTHON ?= python3
SECONDS ?= 60
export PYTHONS TSAN_PYTHON

.DEFAULT_GOAL := help
.PHONY: help run test bench fuzz mutants asan tsan lint format clean

help: ## show this text
	@echo "usage: make COMMAND [PYTHON=...] [PYTHONS=\"...\"] [TSAN_PYTHON=...] [SECONDS=...]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST)
	@sed -n 's/^#   /  /p' $(MAKEFILE_LIST)

run: ## build, install the peers, measure quickly; ends with the path of a report in results/
	@$(PYTHON) tools/lab.py run

test: ## everything that must pass, on PYTHON and on each of PYTHONS
	@$(PYTHON) tools/test.py

bench: ## every line of the table of targets, with its interval (minutes)
	@$(PYTHON) tools/lab.py bench

fuzz: ## fuzz each target for SECONDS
	@fuzz/run $(SECONDS)

mutants: ## bugs seeded into the C code, each of which a test must catch
	@$(PYTHON) tests/mutants.py

asan: ## C and Python tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(PYTHON) tools/sanitize.py address

tsan: ## C tests, and Python tests with TSAN_PYTHON, under ThreadSanitizer
	@$(PYTHON) tools/sanitize.py thread

lint: ## format, style, types, spelling
	@$(PYTHON) tools/lint.py

format: ## put the format of C and Python files right
	@$(PYTHON) tools/lint.py --fix

clean: ## remove everything that was built
	rm -rf build
