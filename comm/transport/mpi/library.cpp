#include "terse/comm/transport/mpi/library.h"

#include <cstdio>
#include <cstdlib>

#include "terse/base/error.h"

namespace terse::mpi {

std::string error_text(int code) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) return fmt::format("error {}", code);
  return {text, static_cast<std::size_t>(length)};
}

std::string describe_death() {
  return "has died: its process ended without a word, killed or crashed";
}

std::string describe_loss(int code) {
#ifdef MPI_ERR_PROC_FAILED
  int error = MPI_ERR_UNKNOWN;
  if (MPI_Error_class(code, &error) == MPI_SUCCESS && error == MPI_ERR_PROC_FAILED)
    return describe_death();
#endif
  return "cannot be reached any more: " + error_text(code);
}

void check(int code, const char* expression, const char* file, int line) {
  if (code != MPI_SUCCESS)
    fail<Error>("MPI: {} ({}:{}): {}", expression, file, line, error_text(code));
}

void warn(int code, const char* expression, const char* file, int line) noexcept {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  MPI_Error_string(code, text, &length);
  std::fprintf(stderr, "MPI: %s (%s:%d): %s\n", expression, file, line, text);
}

Session::Session() {
  int initialized = 0, finalized = 0;
  TERSE_MPI_CHECK(MPI_Initialized(&initialized));
  TERSE_MPI_CHECK(MPI_Finalized(&finalized));
  if (finalized)
    fail<JobError>(
        "MPI was finalized in this process and cannot be started again: one world per process");
  int provided = MPI_THREAD_SINGLE;
  if (initialized) {
    int main_thread = 0;
    TERSE_MPI_CHECK(MPI_Query_thread(&provided));
    TERSE_MPI_CHECK(MPI_Is_thread_main(&main_thread));
    if (provided < MPI_THREAD_FUNNELED || (provided < MPI_THREAD_SERIALIZED && !main_thread)) {
      fail<JobError>(
          "MPI was initialized on another thread or without MPI_THREAD_FUNNELED: make the world on "
          "the thread that "
          "called MPI_Init_thread");
    }
    return;
  }
  // With larger socket buffers several flows share a slow link badly. The user's own setting wins.
  setenv("OMPI_MCA_btl_tcp_sndbuf", "16384", 0);
  // Open MPI 5: an operation with a rank that has died returns an error instead of ending this
  // process before it can say which rank that was.
  setenv("OMPI_MCA_mpi_ft_enable", "1", 0);
  TERSE_MPI_CHECK(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided));
  ours_ = true;
  if (provided < MPI_THREAD_FUNNELED)
    fail<JobError>("this MPI library does not offer MPI_THREAD_FUNNELED");
}

Session::~Session() {
  if (ours_) TERSE_MPI_WARN(MPI_Finalize());
}

World::World() {
  TERSE_MPI_CHECK(MPI_Comm_dup(MPI_COMM_WORLD, &handle_));
  TERSE_MPI_CHECK(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN));
}

World::~World() {
  if (handle_ != MPI_COMM_NULL) TERSE_MPI_WARN(MPI_Comm_free(&handle_));
}

int World::rank() const {
  int rank = 0;
  TERSE_MPI_CHECK(MPI_Comm_rank(handle_, &rank));
  return rank;
}

int World::size() const {
  int size = 0;
  TERSE_MPI_CHECK(MPI_Comm_size(handle_, &size));
  return size;
}

}  // namespace terse::mpi
