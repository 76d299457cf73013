# Puts what cargo built where C programs look for it: called by `make install`, with PREFIX, LIBDIR, INCLUDEDIR and DESTDIR.
set -eu

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
abi=$(sed -n 's/^#define GNT_ABI_VERSION \([0-9]*\)$/\1/p' include/gnocchetti.h)
built=${CARGO_TARGET_DIR:-target}/release
# The X of libgnocchetti.so.X changes with the ABI; what follows it, with each version.
full=libgnocchetti.so.$abi.${version#*.}

lib=${DESTDIR:-}$LIBDIR
include=${DESTDIR:-}$INCLUDEDIR
mkdir -p "$lib/pkgconfig" "$include"

install -m 644 include/gnocchetti.h "$include/gnocchetti.h"
install -m 644 "$built/libgnocchetti.a" "$lib/libgnocchetti.a"
install -m 755 "$built/libgnocchetti.so" "$lib/$full"
strip --strip-unneeded "$lib/$full"
strip --strip-debug "$lib/libgnocchetti.a"
ln -sf "$full" "$lib/libgnocchetti.so.$abi"
ln -sf "libgnocchetti.so.$abi" "$lib/libgnocchetti.so"

cat >"$lib/pkgconfig/gnocchetti.pc" <<END
prefix=$PREFIX
libdir=$LIBDIR
includedir=$INCLUDEDIR

Name: gnocchetti
Description: Gnocchi's model of time series as an embedded library
Version: $version
Libs: -L\${libdir} -lgnocchetti
Libs.private: -lm -lpthread -ldl
Cflags: -I\${includedir}
END
