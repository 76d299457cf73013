"""How the library comes into the package: cargo builds it, and the wheel carries it beside the Python files.

The wheel serves every Python 3, since nothing in it is compiled against Python. A source distribution carries the crate as
``cargo package`` makes it, so that it builds anywhere. With ``GNOCCHETTI_SYSTEM_LIBRARY=1`` nothing is compiled, and the
package uses the library that is installed on the system.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools_rust import Binding, RustExtension, Strip

HERE = Path(__file__).resolve().parent
# In a source distribution the crate lies inside; in the repository, one folder up.
CRATE = HERE / "crate" if (HERE / "crate").is_dir() else HERE.parent
SYSTEM_LIBRARY = os.environ.get("GNOCCHETTI_SYSTEM_LIBRARY", "0") not in ("", "0")


class BuildLibrary(build_ext):
    """Gives the library its own name: it is no extension module of one Python."""

    def get_ext_filename(self, fullname: str) -> str:
        return os.path.join(*fullname.split(".")) + ".so"


class AnyPython(bdist_wheel):
    """Tags the wheel for every Python 3 on this platform."""

    def get_tag(self) -> tuple[str, str, str]:
        _, _, platform = super().get_tag()
        return "py3", "none", platform


class WithCrate(sdist):
    """Puts the crate's sources into the source distribution."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        inside = Path(base_dir) / "crate"
        if (HERE / "crate").is_dir():
            shutil.copytree(HERE / "crate", inside, dirs_exist_ok=True)
        else:
            unpack_crate(inside)


def unpack_crate(destination: Path) -> None:
    """Has cargo package the crate, as for a registry, and unpacks it at ``destination``."""
    with tempfile.TemporaryDirectory() as target:
        cargo = os.environ.get("CARGO", "cargo")
        manifest = str(CRATE / "Cargo.toml")
        options = ["--locked", "--no-verify", "--allow-dirty", "--manifest-path", manifest, "--target-dir", target]
        subprocess.run([cargo, "package", *options], check=True)
        (package,) = Path(target, "package").glob("*.crate")
        with tarfile.open(package) as archive:
            archive.extractall(target)
        shutil.copytree(Path(target, package.stem), destination)


LIBRARY = RustExtension(
    "gnocchetti.libgnocchetti",
    path=str(CRATE / "Cargo.toml"),
    binding=Binding.NoBinding,
    cargo_manifest_args=["--locked"],
    # A debug build only when SETUPTOOLS_RUST_CARGO_PROFILE asks for one, also where setup.py develops in place.
    debug=False,
    strip=Strip.All,
)

if SYSTEM_LIBRARY:
    setup(cmdclass={"sdist": WithCrate})
else:
    setup(
        rust_extensions=[LIBRARY],
        cmdclass={"bdist_wheel": AnyPython, "build_ext": BuildLibrary, "sdist": WithCrate},
    )
