// A small SMTP and LMTP server on a loopback or local socket, for tests of our client: takes
// everything, one command at a time, and remembers it.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read_until.hpp>
#include <asio/streambuf.hpp>
#include <asio/write.hpp>
#include <istream>
#include <string>
#include <vector>

#include "base/async.h"

namespace toast::remote {

template <class Protocol>
class SmtpSink {
 public:
  SmtpSink(asio::io_context& io, const typename Protocol::endpoint& at) : acceptor_(io, at) {
    spawn(acceptor_.get_executor(), accept());
  }
  auto endpoint() const { return acceptor_.local_endpoint(); }

  std::string greeting = "220 sink.test\r\n";
  std::vector<std::string> peers;     // of each connection
  std::vector<std::string> commands;  // of all connections
  std::vector<std::string> messages;  // as they came, with dots

 private:
  using Socket = typename Protocol::socket;
  static std::string name_of(const asio::ip::tcp::endpoint& peer) {
    return peer.address().to_string();
  }
  static std::string name_of(const asio::local::stream_protocol::endpoint&) { return "local"; }

  Task<> accept() {
    while (true) {
      typename Protocol::endpoint peer;
      auto [ec, socket] = co_await acceptor_.async_accept(peer, no_throw);
      if (ec) co_return;
      peers.push_back(name_of(peer));
      spawn(acceptor_.get_executor(), serve(std::move(socket)));
    }
  }
  static Task<bool> say(Socket& socket, std::string bytes) {
    auto [ec, sent] = co_await asio::async_write(socket, asio::buffer(bytes), no_throw);
    co_return !ec;
  }
  static Task<std::string> line(Socket& socket, asio::streambuf& buffer) {
    auto [ec, size] = co_await asio::async_read_until(socket, buffer, "\r\n", no_throw);
    if (ec) co_return std::string();
    std::string text(static_cast<std::size_t>(size), '\0');
    std::istream(&buffer).read(text.data(), static_cast<std::streamsize>(size));
    co_return text;
  }
  Task<> serve(Socket socket) {
    asio::streambuf buffer;
    std::string hello = greeting;
    bool open = co_await say(socket, std::move(hello));
    while (open) {
      std::string command = co_await line(socket, buffer);
      if (command.empty()) co_return;
      commands.push_back(command.substr(0, command.size() - 2));
      std::string reply = "250 ok\r\n";
      if (command.starts_with("EHLO"))
        reply = "250-sink.test\r\n250-8BITMIME\r\n250 PIPELINING\r\n";
      if (command.starts_with("DATA")) {
        open = co_await say(socket, "354 go on\r\n");
        messages.emplace_back();
        while (open && !messages.back().ends_with("\r\n.\r\n")) {
          std::string text = co_await line(socket, buffer);
          open = !text.empty();
          messages.back() += text;
        }
      }
      open = open && co_await say(socket, std::move(reply));
      if (command.starts_with("QUIT")) co_return;
    }
  }

  typename Protocol::acceptor acceptor_;
};

}  // namespace toast::remote
