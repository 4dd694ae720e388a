# Everything here works in a fresh clone. `make` alone lists what there is.

PYTHON ?= python3
BIN    := .venv/bin
# What the tests need beside Python: the TFTP and HTTP clients that phones are compared with, a clock to turn, a SIP registrar, an XCAP server and a phone for them, networks and routers,
# readers of FAT and PDF, a browser.
TOOLS  := curl tftp-hpa atftp busybox faketime kamailio kamailio-tls-modules kamailio-presence-modules kamailio-sqlite-modules baresip-core iproute2 nftables mtools dosfstools poppler-utils chromium

.DEFAULT_GOAL := help
.PHONY: help install run demo test storm fuzz growth costs console bench tools record docs lock build clean

help:  ## list these commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed  ## make .venv with every pinned package

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; name another: make PYTHON=python3.11 install" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(call apt,python3-venv)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: install  ## start the server here: HTTP on 8080, TFTP on 6969
	@exec $(BIN)/provisioner serve --try-here

demo: install  ## a phone of every family boots, in var/demo, on ports of its own
	@$(BIN)/provisioner demo

test: install tools  ## lint, types, then every test
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(BIN)/python -m pytest -n auto --dist worksteal

storm: install bench/phonestorm  ## 10,000 phones boot within a minute over both wires; PHONES= SECONDS= LOSS= DUPLICATE= HTTPS= CROWD=1
	@PYTHONPATH=. $(BIN)/python bench/storm.py $(if $(PHONES),--phones $(PHONES)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(LOSS),--loss $(LOSS)) \
	  $(if $(DUPLICATE),--duplicate $(DUPLICATE)) $(if $(HTTPS),--https $(HTTPS)) $(if $(CROWD),--crowd)

growth: install  ## what becomes slower with 1,000 to 1,000,000 devices; ten minutes
	@PYTHONPATH=. $(BIN)/python bench/growth.py

costs: install bench/phonestorm  ## where each microsecond of an answer goes
	@PYTHONPATH=. $(BIN)/python bench/costs.py

console: install  ## what each page of the console costs with 10,000 phones; a minute
	@PYTHONPATH=. $(BIN)/python bench/console.py

fuzz: install  ## a million odd packets and a million odd requests at a running server, which then serves phones as before; SEED=
	@$(BIN)/python -m tests.fuzz 1000000 1000000 $(or $(SEED),1)

bench: install bench/tftpstorm  ## measure beside nginx, dnsmasq, atftpd, tftpd-hpa and bare Flask; rewrites docs/performance.md
	@bench/peers.sh
	@$(BIN)/python bench/run.py

bench/%storm: bench/%storm.c bench/tftp.h
	@command -v cc >/dev/null || $(call apt,gcc libc6-dev)
	cc -O2 -Wall -o $@ $<

tools:
	@PATH=$$PATH:/usr/sbin; for tool in curl tftp atftp busybox faketime kamailio baresip ip nft mcopy fsck.vfat pdftotext chromium; do command -v $$tool >/dev/null || { $(call apt,$(TOOLS)); exit; }; done; \
	  ls /usr/lib/*/kamailio/modules/xcap_server.so /usr/lib/*/kamailio/modules/db_sqlite.so >/dev/null 2>&1 || $(call apt,$(TOOLS))

record: install  ## rewrite tests/phones/**/*.expected of the boots whose [says] holds
	$(BIN)/python -m tests.recorded

docs: install  ## rewrite the generated pages and config.example.toml
	$(BIN)/python -m provisioner.config
	$(BIN)/python -m provisioner.cli.pages

lock:  ## pin the newest packages that fit, with the hashes of every platform's files
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	( echo '# Written by `make lock`: every package of the server, its tests and its build, with the hashes of its files.'; \
	  .venv/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --all-extras --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links pyproject.toml ) > requirements.lock.new
	mv requirements.lock.new requirements.lock

build: install  ## the wheel, in dist/
	$(BIN)/python -m build --no-isolation --wheel

clean:  ## remove what was made here; var/ stays
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Install Debian packages as root or with sudo; otherwise say the one command that does.
define apt
{ if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; \
  else echo "some packages are missing; as root: apt-get install $(1)" >&2; exit 1; fi; \
  echo "installing $(1)" >&2; \
  $$sudo apt-get -qq update && DEBIAN_FRONTEND=noninteractive $$sudo apt-get -qq install --yes --no-install-recommends $(1) >/dev/null; }
endef
