// Linked into instrumented MPI programs. MPI_Finalize() unloads OpenMPI's components before the
// leak check, which then could not match their leaks with lsan.supp by library name. This keeps
// them loaded.
extern "C" int dlclose(void*) { return 0; }
