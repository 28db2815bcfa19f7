"""Spack recipe of tattn. It was written after Spack's documentation and has not been run: no Spack was at hand.

Copy it to a repository of your own as packages/tattn/package.py.
"""
from spack.package import *


class Tattn(CMakePackage):
    """Tensor attention and its gradients on MPI clusters: a C++20 library and a program."""

    homepage = "https://arxiv.org/abs/2405.16411"
    license("Apache-2.0")

    # The folder of a clone, or the address of one: spack dev-build tattn@main
    version("main", branch="main")

    variant("program", default=True, description="the command-line program")
    variant("bench", default=False, description="tattn-bench")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi")
    depends_on("hdf5+mpi@1.10:")
    depends_on("netlib-scalapack")
    depends_on("openblas")
    depends_on("highway")
    depends_on("boost+serialization@1.74:")
    depends_on("fmt@9:")
    depends_on("spdlog", when="+program")
    depends_on("cli11", when="+program")
    depends_on("nlohmann-json", when="+program")

    generator("ninja")

    def cmake_args(self):
        return [
            self.define_from_variant("TATTN_BUILD_PROGRAM", "program"),
            self.define_from_variant("TATTN_BUILD_BENCH", "bench"),
            self.define("TATTN_BUILD_TESTS", False),
        ]
