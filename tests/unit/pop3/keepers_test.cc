// The services over real channels, with a maild and an authd of the test's own.
#include "pop3d/keepers.h"

#include <gtest/gtest.h>

#include "auth/login_messages.h"
#include "tests/unit/pop3/fakes.h"
#include "vdomain/maildir/listing_writer.h"
#include "vdomain/maildir/maildrop_messages.h"

namespace toast::pop3 {
namespace {

class Pop3Keepers : public ::testing::Test {
 protected:
  // Wires `link` to a peer that answers with `dispatcher`.
  std::shared_ptr<ipc::Channel> wire(ipc::Link& link,
                                     std::shared_ptr<const ipc::Dispatcher> dispatcher) {
    SocketPair pair = make_socket_pair().value();
    auto ours = ipc::Channel::open(io_.get_executor(), std::move(pair.left), "keeper");
    auto theirs = ipc::Channel::open(io_.get_executor(), std::move(pair.right), "toast-pop3d.0");
    ours->start(nullptr, [](const Error&) {});
    theirs->start(std::move(dispatcher), [](const Error&) {});
    link.attach(std::move(ours));
    return theirs;
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> value;
    asio::co_spawn(io_, std::move(task), [&value](std::exception_ptr failure, T result) {
      if (failure) std::abort();
      value.emplace(std::move(result));
    });
    io_.restart();
    while (!value) io_.run_one();
    return std::move(*value);
  }
  static Fd listing(std::uint32_t messages) {
    Fd file = make_message_file("");
    maildir::ListingWriter writer(file, messages);
    for (std::uint32_t n = 1; n <= messages; ++n) {
      const std::string base = "1000000000.M" + std::to_string(n) + ".host";
      writer.add(base + ":2,S", base, 100 + n, maildir::kListedSeen);
    }
    maildir::ListingHeader header;
    header.count = messages;
    if (!writer.finish()) std::abort();
    header.octets = writer.octets();
    header.text_bytes = writer.text_end();
    if (!maildir::write_header(file, header)) std::abort();
    return file;
  }
  std::shared_ptr<ipc::Dispatcher> fake_maild(std::function<Fd()> make_listing) {
    auto maild = std::make_shared<ipc::Dispatcher>();
    maild->on<maildir::OpenMaildrop>(
        [this,
         make_listing](maildir::OpenMaildrop asked) -> Task<Result<maildir::OpenMaildrop::Reply>> {
          opened_with_ = asked.ticket + " " + asked.connection;
          maildir::OpenMaildrop::Reply reply;
          reply.session = 77;
          reply.descriptor = make_listing();
          co_return std::move(reply);
        });
    maild->on<maildir::FetchMessage>(
        [](maildir::FetchMessage asked) -> Task<Result<maildir::FetchMessage::Reply>> {
          if (asked.name == "1000000000.M2.host:2,S")
            co_return transient("no such file", "4.2.0 gone");
          if (asked.name == "1000000000.M3.host:2,S") co_return transient("disk trouble");
          maildir::FetchMessage::Reply reply;
          reply.descriptor = make_message_file(std::to_string(asked.session) + " " + asked.name);
          co_return std::move(reply);
        });
    maild->on<maildir::DeleteMessages>(
        [this](maildir::DeleteMessages asked) -> Task<Result<maildir::DeleteMessages::Reply>> {
          deletions_.push_back(asked.names.size());
          if (asked.names.size() == 1) last_deleted_ = asked.names[0];
          maildir::DeleteMessages::Reply reply;
          reply.failed = 1;
          reply.removed = static_cast<std::uint32_t>(asked.names.size()) - 1;
          co_return reply;
        });
    maild->on_notice<maildir::CloseMaildrop>(
        [this](maildir::CloseMaildrop closed) { closed_.push_back(closed.session); });
    return maild;
  }
  std::unique_ptr<Maildrop> open(std::uint32_t messages) {
    peer_ = wire(maild_, fake_maild([messages] { return listing(messages); }));
    Result<std::unique_ptr<Maildrop>> opened =
        run(maildrops_.open(Client{"192.0.2.7", "c1"}, Ticket{"t"}));
    EXPECT_TRUE(opened) << opened.error().detail;
    return std::move(*opened);
  }

  asio::io_context io_;
  ipc::Link authd_{"toast-authd"};
  ipc::Link maild_{"toast-maild"};
  AuthdLogins logins_{authd_};
  MaildMaildrops maildrops_{maild_};
  std::shared_ptr<ipc::Channel> peer_;
  std::string opened_with_;
  std::vector<std::size_t> deletions_;
  std::string last_deleted_;
  std::vector<std::uint64_t> closed_;
};

TEST_F(Pop3Keepers, LoginOutcomes) {
  auto authd = std::make_shared<ipc::Dispatcher>();
  std::string asked_for;
  authd->on<auth::Login>([&asked_for](auth::Login asked) -> Task<Result<auth::Login::Reply>> {
    asked_for = asked.login + " " + asked.peer + " " + asked.connection;
    if (asked.login == "outage") co_return transient("database is locked");
    auth::Login::Reply reply;
    if (asked.login == "throttled") {
      reply.outcome = auth::Login::Outcome::throttled;
    } else if (asked.password.equals("secret")) {
      reply.outcome = auth::Login::Outcome::granted;
      reply.ticket = "the ticket";
    }
    co_return reply;
  });
  const auto keeper = wire(authd_, authd);
  const Client client{"192.0.2.7", "c1"};
  const auto login = [&](const char* name, const char* password) {
    return run(logins_.login(client, name, Secret(password)));
  };
  const auto granted = login("ann", "secret");
  ASSERT_TRUE(granted);
  EXPECT_EQ(granted->bytes, "the ticket");
  EXPECT_EQ(asked_for, "ann 192.0.2.7 c1");
  EXPECT_EQ(login("ann", "wrong").error().reason, LoginRefusal::Reason::wrong);
  EXPECT_EQ(login("throttled", "secret").error().reason, LoginRefusal::Reason::throttled);
  EXPECT_EQ(login("outage", "secret").error().reason, LoginRefusal::Reason::outage);
  keeper->close("killed");
  EXPECT_EQ(login("ann", "secret").error().reason, LoginRefusal::Reason::outage);
}

TEST_F(Pop3Keepers, AuthdIsNotThereAtAll) {
  const auto refused = run(logins_.login({"192.0.2.7", "c1"}, "ann", Secret("secret")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, LoginRefusal::Reason::outage);
}

TEST_F(Pop3Keepers, ReadsAListingInPages) {
  const std::unique_ptr<Maildrop> maildrop = open(1200);
  EXPECT_EQ(opened_with_, "t c1");
  EXPECT_EQ(maildrop->count(), 1200U);
  std::uint32_t seen = 0;
  std::uint64_t octets = 0;
  std::uint32_t next = 1;
  unsigned pages = 0;
  while (next <= 1200) {
    const Result<std::uint32_t> after =
        maildrop->visit(next, Maildrop::Columns::unique_ids, [&](const ListedMessage& m) {
          EXPECT_EQ(m.number, ++seen);
          EXPECT_EQ(m.unique_id, "1000000000.M" + std::to_string(m.number) + ".host");
          octets += m.octets;
        });
    ASSERT_TRUE(after);
    ASSERT_GT(*after, next);
    next = *after;
    ++pages;
  }
  EXPECT_EQ(seen, 1200U);
  EXPECT_EQ(octets, maildrop->octets());
  EXPECT_GT(pages, 1U);
  std::string unique_id;
  const Result<ListedMessage> last = maildrop->find(1200, unique_id);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->octets, 1300U);
  EXPECT_EQ(last->unique_id, "1000000000.M1200.host");
}

TEST_F(Pop3Keepers, FetchesByTheListedName) {
  const std::unique_ptr<Maildrop> maildrop = open(3);
  const Result<Fd> first = run(maildrop->open_message(1));
  ASSERT_TRUE(first);
  char content[64];
  const ssize_t n = ::pread(first->get(), content, sizeof content, 0);
  EXPECT_EQ(std::string(content, static_cast<std::size_t>(n)), "77 1000000000.M1.host:2,S");
  EXPECT_EQ(run(maildrop->open_message(2)).error().failure, Failure::permanent);  // gone
  EXPECT_EQ(run(maildrop->open_message(3)).error().failure, Failure::transient);
  peer_->close("killed");
  EXPECT_EQ(run(maildrop->open_message(1)).error().failure, Failure::transient);
}

TEST_F(Pop3Keepers, DeletesInBatches) {
  const std::unique_ptr<Maildrop> maildrop = open(1200);
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t n = 1; n <= 1200; ++n)
    if (n != 5) numbers.push_back(n);
  const Result<std::uint32_t> left = run(maildrop->remove(numbers));
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, 2U);  // the fake fails one of each batch
  EXPECT_EQ(deletions_, (std::vector<std::size_t>{1000, 199}));
  ASSERT_TRUE(run(maildrop->remove({1200})));
  EXPECT_EQ(last_deleted_, "1000000000.M1200.host:2,S");
  peer_->close("killed");
  EXPECT_FALSE(run(maildrop->remove({1})));
}

TEST_F(Pop3Keepers, ClosesWhatItOpened) {
  open(1).reset();
  io_.restart();
  io_.poll();
  EXPECT_EQ(closed_, (std::vector<std::uint64_t>{77}));
}

TEST_F(Pop3Keepers, RubbishForAListing) {
  const std::function<Fd()> rubbish[] = {
      [] { return Fd(); },
      [] { return make_message_file(""); },
      [] { return make_message_file("no listing at all"); },
      [] { return make_message_file(std::string(4096, '\xff')); },
  };
  for (const std::function<Fd()>& make : rubbish) {
    const auto keeper = wire(maild_, fake_maild(make));
    const Result<std::unique_ptr<Maildrop>> opened =
        run(maildrops_.open(Client{"192.0.2.7", "c1"}, Ticket{"t"}));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().failure, Failure::transient);
  }
}

}  // namespace
}  // namespace toast::pop3
