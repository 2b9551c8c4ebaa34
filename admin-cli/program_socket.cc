#include "admin-cli/program_socket.h"

#include <cerrno>

namespace toast::admin {

Wanted<Fd> connect_to_program(const Instance& instance, const ProgramSocket& where,
                              std::string_view so) {
  const std::string path = instance.path("run/" + std::string(where.socket));
  const std::string name(where.program);
  auto connected = ipc::connect_to(path);
  if (connected) return std::move(*connected);
  if (connected.error() == ENAMETOOLONG)
    return fail(Exit::failure, "path_too_long", "the socket's path is over 107 bytes", path,
                "move the instance to a shorter path");
  if (connected.error() == EACCES || connected.error() == EPERM)
    return fail(Exit::permission, "permission_denied", "may not ask " + name, path,
                "run it as root, or as the user that owns the instance");
  return fail(Exit::temporary, name.substr(name.find('-') + 1) + "_not_running",
              name + " is not running, " + std::string(so), path,
              "start the server: toastd --root " + instance.root());
}

Wanted<std::unique_ptr<ProgramClient>> ProgramClient::connect(const Instance& instance,
                                                              const ProgramSocket& where,
                                                              std::string_view so) {
  Wanted<Fd> socket = connect_to_program(instance, where, so);
  if (!socket) return tl::unexpected(socket.error());
  return std::make_unique<ProgramClient>(std::move(*socket), std::string(where.program));
}

}  // namespace toast::admin
