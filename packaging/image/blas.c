/* The BLAS functions that numpy calls, as plain loops, under the names that numpy's wheels use.

   numpy's wheels include OpenBLAS: 23 MB of matrix code tuned for each processor. GlanceMetrics never
   multiplies matrices, but numpy needs BLAS to load, and calls it once for a self-test. With this in
   place of OpenBLAS, matrix products still work, only slower. */

#include <complex.h>
#include <stdint.h>

typedef int64_t Size;
typedef float complex ComplexFloat;
typedef double complex ComplexDouble;

enum { ROW_MAJOR = 101, NO_TRANS = 111, CONJ_TRANS = 113, UPPER = 121 };

#define EXPORT __attribute__((visibility("default")))
#define NAMED(name) scipy_cblas_##name##64_

/* Index of the vector's first element: with a negative step it is the last one in memory. */
#define START(count, step) ((step) < 0 ? (1 - (count)) * (step) : 0)

/* Element (i, k) of a matrix after transposition. */
#define AT(order, trans, a, lda, i, k, CONJ)                                                         \
    ((trans) == NO_TRANS ? (a)[(order) == ROW_MAJOR ? (i) * (lda) + (k) : (k) * (lda) + (i)]         \
     : (trans) == CONJ_TRANS                                                                         \
         ? CONJ((a)[(order) == ROW_MAJOR ? (k) * (lda) + (i) : (i) * (lda) + (k)])                   \
         : (a)[(order) == ROW_MAJOR ? (k) * (lda) + (i) : (i) * (lda) + (k)])

/* PASSED is the type of the arguments alpha and beta, GIVEN(T, alpha) their value. */
#define BLAS(T, PASSED, GIVEN, CONJ, axpy, gemv, gemm, syrk)                                         \
    EXPORT void NAMED(axpy)(Size n, PASSED alpha, const T *x, Size incx, T *y, Size incy) {          \
        x += START(n, incx), y += START(n, incy);                                                    \
        for (Size i = 0; i < n; i++) y[i * incy] += GIVEN(T, alpha) * x[i * incx];                   \
    }                                                                                                \
    EXPORT void NAMED(gemv)(int order, int trans, Size m, Size n, PASSED alpha, const T *a,          \
                            Size lda, const T *x, Size incx, PASSED beta, T *y, Size incy) {         \
        Size rows = trans == NO_TRANS ? m : n, columns = trans == NO_TRANS ? n : m;                  \
        x += START(columns, incx), y += START(rows, incy);                                           \
        for (Size i = 0; i < rows; i++) {                                                            \
            T sum = 0;                                                                               \
            for (Size k = 0; k < columns; k++)                                                       \
                sum += AT(order, trans, a, lda, i, k, CONJ) * x[k * incx];                           \
            T old = GIVEN(T, beta) == 0 ? 0 : GIVEN(T, beta) * y[i * incy];                          \
            y[i * incy] = GIVEN(T, alpha) * sum + old;                                               \
        }                                                                                            \
    }                                                                                                \
    EXPORT void NAMED(gemm)(int order, int transa, int transb, Size m, Size n, Size k,               \
                            PASSED alpha, const T *a, Size lda, const T *b, Size ldb, PASSED beta,   \
                            T *c, Size ldc) {                                                        \
        for (Size i = 0; i < m; i++)                                                                 \
            for (Size j = 0; j < n; j++) {                                                           \
                T *target = &c[order == ROW_MAJOR ? i * ldc + j : j * ldc + i], sum = 0;             \
                for (Size l = 0; l < k; l++)                                                         \
                    sum += AT(order, transa, a, lda, i, l, CONJ) *                                   \
                           AT(order, transb, b, ldb, l, j, CONJ);                                    \
                T old = GIVEN(T, beta) == 0 ? 0 : GIVEN(T, beta) * *target;                          \
                *target = GIVEN(T, alpha) * sum + old;                                               \
            }                                                                                        \
    }                                                                                                \
    EXPORT void NAMED(syrk)(int order, int uplo, int trans, Size n, Size k, PASSED alpha,            \
                            const T *a, Size lda, PASSED beta, T *c, Size ldc) {                     \
        for (Size i = 0; i < n; i++)                                                                 \
            for (Size j = uplo == UPPER ? i : 0; j < (uplo == UPPER ? n : i + 1); j++) {             \
                T *target = &c[order == ROW_MAJOR ? i * ldc + j : j * ldc + i], sum = 0;             \
                for (Size l = 0; l < k; l++)                                                         \
                    sum += AT(order, trans, a, lda, i, l, ) * AT(order, trans, a, lda, j, l, );      \
                T old = GIVEN(T, beta) == 0 ? 0 : GIVEN(T, beta) * *target;                          \
                *target = GIVEN(T, alpha) * sum + old;                                               \
            }                                                                                        \
    }

#define BY_VALUE(T, number) (number)
#define BY_POINTER(T, number) (*(const T *)(number))

BLAS(float, float, BY_VALUE, , saxpy, sgemv, sgemm, ssyrk)
BLAS(double, double, BY_VALUE, , daxpy, dgemv, dgemm, dsyrk)
BLAS(ComplexFloat, const void *, BY_POINTER, conjf, caxpy, cgemv, cgemm, csyrk)
BLAS(ComplexDouble, const void *, BY_POINTER, conj, zaxpy, zgemv, zgemm, zsyrk)

#define DOT(T, CONJ, x, incx, y, incy, n, sum)                                                       \
    T sum = 0;                                                                                       \
    x += START(n, incx), y += START(n, incy);                                                        \
    for (Size i = 0; i < n; i++) sum += CONJ(x[i * incx]) * y[i * incy];

#define REAL_DOT(T, dot)                                                                             \
    EXPORT T NAMED(dot)(Size n, const T *x, Size incx, const T *y, Size incy) {                      \
        DOT(T, , x, incx, y, incy, n, sum)                                                           \
        return sum;                                                                                  \
    }

#define COMPLEX_DOT(T, CONJ, dot)                                                                    \
    EXPORT void NAMED(dot)(Size n, const T *x, Size incx, const T *y, Size incy, T *result) {        \
        DOT(T, CONJ, x, incx, y, incy, n, sum)                                                       \
        *result = sum;                                                                               \
    }

REAL_DOT(float, sdot)
REAL_DOT(double, ddot)
COMPLEX_DOT(ComplexFloat, , cdotu_sub)
COMPLEX_DOT(ComplexFloat, conjf, cdotc_sub)
COMPLEX_DOT(ComplexDouble, , zdotu_sub)
COMPLEX_DOT(ComplexDouble, conj, zdotc_sub)
