// Asio's non-template code, compiled here once for every program.
#include <asio/impl/src.hpp>
