#pragma once
// What is used of BLACS and ScaLAPACK, which come without headers. Counts are 32-bit: whoever calls has checked
// them (plan::require_dense_memory). A call that goes wrong inside ends the job by itself.
#include <mpi.h>

#include <cstddef>

extern "C" {

int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int* context, const char* order, int rows, int columns);
void Cblacs_gridinfo(int context, int* rows, int* columns, int* row, int* column);
void Cblacs_gridexit(int context);
/// Sum over a row, column or all of the grid (scope); to all of them when `to_row` is -1.
void Cdgsum2d(int context, const char* scope, const char* topology, int rows, int columns, double* entries,
              int leading, int to_row, int to_column);

void descinit_(int* descriptor, const int* rows, const int* columns, const int* row_block, const int* column_block,
               const int* first_row, const int* first_column, const int* context, const int* leading, int* info);

/// C = alpha op(A) op(B) + beta C
void pdgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n, const int* k,
             const double* alpha, const double* a, const int* ia, const int* ja, const int* descriptor_a,
             const double* b, const int* ib, const int* jb, const int* descriptor_b, const double* beta, double* c,
             const int* ic, const int* jc, const int* descriptor_c);

/// One triangle of C = alpha A A^T + beta C
void pdsyrk_(const char* triangle, const char* transpose, const int* n, const int* k, const double* alpha,
             const double* a, const int* ia, const int* ja, const int* descriptor_a, const double* beta, double* c,
             const int* ic, const int* jc, const int* descriptor_c);

/// Eigenvalues of a symmetric matrix, ascending; Fortran's hidden lengths of its two texts come last.
void pdsyev_(const char* vectors, const char* triangle, const int* n, double* a, const int* ia, const int* ja,
             const int* descriptor_a, double* values, double* z, const int* iz, const int* jz,
             const int* descriptor_z, double* work, const int* work_size, int* info, std::size_t, std::size_t);

}  // extern "C"
