# Installs the library as C programs expect it: make install PREFIX=/usr/local [DESTDIR=…]
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CARGO ?= cargo

build:
	$(CARGO) build --locked --release --lib

install: build
	DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" INCLUDEDIR="$(INCLUDEDIR)" sh ci/lib/install.sh

.PHONY: build install
