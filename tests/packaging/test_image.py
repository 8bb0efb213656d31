"""What makes the image small. `make image-trial` builds and runs the image itself."""

from __future__ import annotations

import ast
import ctypes
import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.conftest import needs

PROJECT = Path(__file__).parents[2]
IMAGE = PROJECT / "packaging/image"
LINEAR_ALGEBRA = {"dot", "vdot", "inner", "matmul", "tensordot", "einsum", "linalg", "fft"}
LINEAR_ALGEBRA |= {"polynomial", "polyfit", "convolve", "correlate", "cov", "corrcoef"}
KINDS = {"s": np.float32, "d": np.float64, "c": np.complex64, "z": np.complex128}
ROW_MAJOR, COLUMN_MAJOR = 101, 102
NO_TRANS, TRANS, CONJ_TRANS = 111, 112, 113
UPPER, LOWER = 121, 122


@pytest.fixture(scope="module")
def blas(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    needs("gcc")
    library = tmp_path_factory.mktemp("blas") / "blas.so"
    options = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *options, IMAGE / "blas.c", "-o", library], check=True)
    return ctypes.CDLL(str(library))


def numbers(kind: str, *shape: int) -> np.ndarray:
    generator = np.random.default_rng(5)
    made = generator.integers(-9, 9, shape) + 1j * generator.integers(-9, 9, shape)
    return np.ascontiguousarray(made if kind in "cz" else made.real).astype(KINDS[kind])


def scalar(kind: str, value: float) -> object:
    """Alpha and beta: passed by value, complex ones by address."""
    if kind in "cz":
        held = np.array([value], KINDS[kind])
        return held.ctypes.data_as(ctypes.c_void_p)
    return (ctypes.c_float if kind == "s" else ctypes.c_double)(value)


def call(blas: ctypes.CDLL, name: str, *arguments: object) -> None:
    function = getattr(blas, f"scipy_cblas_{name}64_")
    passed = [
        argument.ctypes.data_as(ctypes.c_void_p)
        if isinstance(argument, np.ndarray)
        else ctypes.c_int64(argument)
        if isinstance(argument, int)
        else argument
        for argument in arguments
    ]
    function(*passed)


def laid(matrix: np.ndarray, order: int) -> tuple[np.ndarray, int]:
    """Return the matrix in this order of memory, and the distance of its rows or columns."""
    made = np.array(matrix, order="C" if order == ROW_MAJOR else "F")
    return made, matrix.shape[1] if order == ROW_MAJOR else matrix.shape[0]


def before(matrix: np.ndarray, trans: int) -> np.ndarray:
    """Return the matrix that becomes this one when it is transposed so."""
    return {NO_TRANS: matrix, TRANS: matrix.T, CONJ_TRANS: matrix.conj().T}[trans]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [ROW_MAJOR, COLUMN_MAJOR])
@pytest.mark.parametrize("trans", [NO_TRANS, TRANS, CONJ_TRANS])
def test_the_replacement_for_openblas_multiplies_matrices(
    blas: ctypes.CDLL, kind: str, order: int, trans: int
) -> None:
    left, right, vector = numbers(kind, 3, 5), numbers(kind, 5, 4), numbers(kind, 5)
    a, lda = laid(before(left, trans), order)
    b, ldb = laid(before(right, trans), order)
    c, ldc = laid(numbers(kind, 3, 4), order)
    expected = 2 * left @ right + 3 * c
    two, three = scalar(kind, 2), scalar(kind, 3)
    call(blas, f"{kind}gemm", order, trans, trans, 3, 4, 5, two, a, lda, b, ldb, three, c, ldc)
    np.testing.assert_allclose(c, expected)

    rows, columns = a.shape
    y = numbers(kind, 3)
    expected = 2 * left @ vector + 3 * y
    call(blas, f"{kind}gemv", order, trans, rows, columns, two, a, lda, vector, 1, three, y, 1)
    np.testing.assert_allclose(y, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [ROW_MAJOR, COLUMN_MAJOR])
@pytest.mark.parametrize("half", [UPPER, LOWER])
def test_the_replacement_for_openblas_squares_matrices(
    blas: ctypes.CDLL, kind: str, order: int, half: int
) -> None:
    left = numbers(kind, 4, 3)
    a, lda = laid(left, order)
    c, ldc = laid(np.zeros((4, 4), KINDS[kind]), order)
    one, none = scalar(kind, 1), scalar(kind, 0)
    call(blas, f"{kind}syrk", order, half, NO_TRANS, 4, 3, one, a, lda, none, c, ldc)
    product = left @ left.T
    np.testing.assert_allclose(c, np.triu(product) if half == UPPER else np.tril(product))


@pytest.mark.parametrize("step", [1, 2, -2])
@pytest.mark.parametrize("kind", KINDS)
def test_the_replacement_for_openblas_multiplies_vectors(
    blas: ctypes.CDLL, kind: str, step: int
) -> None:
    x, y = numbers(kind, 12), numbers(kind, 12)[::-1].copy()
    every, other = x[:: abs(step)][:6], y[::2][:6]
    every = every[::-1] if step < 0 else every
    if kind in "cz":
        result = np.zeros(1, KINDS[kind])
        call(blas, f"{kind}dotu_sub", 6, x, step, y, 2, result)
        assert result[0] == np.dot(every, other)
        call(blas, f"{kind}dotc_sub", 6, x, step, y, 2, result)
        assert result[0] == np.vdot(every, other)
    else:
        name = f"scipy_cblas_{kind}dot64_"
        getattr(blas, name).restype = ctypes.c_float if kind == "s" else ctypes.c_double
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (x, y)]
        sizes = [ctypes.c_int64(number) for number in (6, step, 2)]
        given = (sizes[0], pointers[0], sizes[1], pointers[1], sizes[2])
        assert getattr(blas, name)(*given) == np.dot(every, other)
    expected = other + 2 * every
    call(blas, f"{kind}axpy", 6, scalar(kind, 2), x, step, y, 2)
    np.testing.assert_allclose(y[::2][:6], expected)


def test_glancemetrics_needs_nothing_of_numpy_that_the_image_leaves_out() -> None:
    used = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for package in ("glancemetrics", "actors")
        for path in (PROJECT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult))
        or (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in {"np", "numpy"}
            and node.attr in LINEAR_ALGEBRA
        )
    ]
    assert used == []


@pytest.fixture
def slim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("slim", IMAGE / "slim.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SITE", tmp_path)
    return module


def test_a_part_that_is_not_there_any_more_fails_the_build(
    slim: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/tests").mkdir()
    slim.remove(slim.Part("tests", ("package/tests",)))
    assert list(tmp_path.rglob("*")) == [tmp_path / "package"]
    with pytest.raises(SystemExit, match=r"no package/tests in .* find out what replaced it"):
        slim.remove(slim.Part("tests", ("package/tests",)))


def test_a_library_is_replaced_by_one_with_the_functions_that_others_need(
    slim: ModuleType, tmp_path: Path
) -> None:
    needs("gcc", "nm")
    (tmp_path / "large.c").write_text("int two(void) { return 2; } int three(void) { return 3; }")
    (tmp_path / "user.c").write_text("int two(void); int four(void) { return 2 * two(); }")
    (tmp_path / "two.c").write_text("int two(void) { return 2; }")
    options = ["gcc", "-shared", "-fPIC", "-o"]
    subprocess.run([*options, "large.so", "large.c"], cwd=tmp_path, check=True)
    link = ["user.so", "user.c", "large.so", "-Wl,-rpath,$ORIGIN"]
    subprocess.run([*options, *link], cwd=tmp_path, check=True)
    slim.replace_library("large.so", tmp_path / "two.c")
    assert ctypes.CDLL(str(tmp_path / "user.so")).four() == 4
    assert not hasattr(ctypes.CDLL(str(tmp_path / "large.so")), "three")
