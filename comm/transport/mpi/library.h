// RAII and error checks around the MPI library. Communication thread only.
#pragma once

#include <mpi.h>

#include <string>

namespace terse::mpi {

// The library's text for an error code.
std::string error_text(int code);

// What to say of a rank after "rank 1 ": of one whose process has ended, and of one with which an
// operation gave this error code.
std::string describe_death();
std::string describe_loss(int code);

// Throws Error with the expression, the place and the library's text.
void check(int code, const char* expression, const char* file, int line);
// For destructors: prints the same and continues.
void warn(int code, const char* expression, const char* file, int line) noexcept;

#define TERSE_MPI_CHECK(expression) \
  ::terse::mpi::check((expression), #expression, __FILE__, __LINE__)
#define TERSE_MPI_WARN(expression) ::terse::mpi::warn((expression), #expression, __FILE__, __LINE__)

// Initializes MPI unless the program has; finalizes it if it did, unless abandoned.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  void abandon() { ours_ = false; }

 private:
  bool ours_ = false;
};

// A duplicate of MPI_COMM_WORLD that returns errors.
class World {
 public:
  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  void abandon() { handle_ = MPI_COMM_NULL; }
  MPI_Comm handle() const { return handle_; }
  int rank() const;
  int size() const;

 private:
  MPI_Comm handle_ = MPI_COMM_NULL;
};

}  // namespace terse::mpi
