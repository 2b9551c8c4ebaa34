#include "mta/compat/inject.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "mta/message/ascii.h"
#include "mta/message/date.h"

namespace toast::compat {
namespace {

using Items = std::vector<ListItem>;

constexpr std::string_view kResent = "resent-";
constexpr std::string_view kSenderFields[] = {
    "sender",    "from",          "reply-to",    "return-receipt-to",
    "errors-to", "resent-sender", "resent-from", "resent-reply-to"};
constexpr std::string_view kRecipientFields[] = {"to", "cc", "bcc", "apparently-to"};
constexpr std::string_view kResentRecipientFields[] = {"resent-to", "resent-cc", "resent-bcc"};
constexpr std::string_view kResentFields[] = {
    "resent-sender", "resent-from", "resent-reply-to", "resent-to",
    "resent-cc",     "resent-bcc",  "resent-date",     "resent-message-id"};
constexpr std::string_view kRemovedFields[] = {"bcc", "resent-bcc", "return-path",
                                               "content-length"};

template <std::size_t N>
bool is_one_of(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

class Injector {
 public:
  Injector(std::vector<InjectedField> fields, const InjectOptions& options)
      : fields_(std::move(fields)), options_(options) {
    for (const InjectedField& field : fields_) {
      seen_.insert(field.name);
      resent_ = resent_ || is_one_of(kResentFields, field.name);
    }
    if (options_.style.delete_from) seen_.erase("from");
    if (options_.style.delete_message_id) seen_.erase(prefix() + "message-id");
  }

  tl::expected<Injected, std::string> run() {
    std::string original;
    for (const InjectedField& field : fields_) original += rewrite(field);
    take_arguments();
    Injected out;
    out.sender = sender();
    if (!error_.empty()) return tl::unexpected(error_);
    out.header = added_fields() + original + "\n";
    out.recipients = std::move(recipients_);
    return out;
  }

 private:
  std::string prefix() const { return resent_ ? std::string(kResent) : std::string(); }
  std::string shown_prefix() const { return resent_ ? "Resent-" : ""; }
  bool takes_header() const {
    using From = InjectOptions::Recipients;
    if (options_.recipients_from == From::arguments_or_header) return options_.arguments.empty();
    return options_.recipients_from != From::arguments;
  }
  bool takes_arguments() const {
    return options_.recipients_from != InjectOptions::Recipients::header;
  }

  std::optional<Items> parse(std::string_view body) const {
    std::optional<Items> items = parse_address_list(body);
    if (items)
      for (ListItem& item : *items)
        if (item.kind == ListItem::Kind::address) complete_address(item.address, options_.defaults);
    return items;
  }

  // The field as it goes on, or nothing.
  std::string rewrite(const InjectedField& field) {
    const bool recipients =
        is_one_of(kRecipientFields, field.name) || is_one_of(kResentRecipientFields, field.name);
    const bool is_sender = is_one_of(kSenderFields, field.name);
    if (field.name == "return-path") take_return_path(field);
    if (options_.style.delete_from && (field.name == "from" || field.name == "resent-from"))
      return {};
    if (options_.style.delete_message_id && field.name == prefix() + "message-id") return {};
    if (!recipients && !is_sender)
      return is_one_of(kRemovedFields, field.name) ? std::string() : field.text;
    const std::optional<Items> items = parse(field.body());
    if (!items && is_sender) error_ = "the field cannot be understood: " + field.text;
    if (items && recipients) note_recipients(field.name, *items);
    if (is_one_of(kRemovedFields, field.name)) return {};
    if (!items) return field.text;  // of recipients: kept as it is, and nobody gets it
    return format_address_field(field.text.substr(0, field.text.find(':')), *items);
  }

  void note_recipients(std::string_view name, const Items& items) {
    const bool counts =
        resent_ ? is_one_of(kResentRecipientFields, name) : is_one_of(kRecipientFields, name);
    if (counts && takes_header()) add_recipients(items);
    if (name != "to" && name != "cc") return;
    for (const ListItem& item : items)
      if (item.kind == ListItem::Kind::address) shown_.push_back(item);
  }
  void add_recipients(const Items& items) {
    for (const ListItem& item : items)
      if (item.kind == ListItem::Kind::address && !item.address.is_null)
        recipients_.push_back(item.address.envelope_text());
  }
  void take_arguments() {
    if (!takes_arguments()) return;
    for (const std::string& argument : options_.arguments) {
      const std::optional<Items> items = parse(argument);
      if (!items) error_ = "this recipient cannot be understood: " + argument;
      if (items) add_recipients(*items);
    }
  }

  void take_return_path(const InjectedField& field) {
    if (return_path_ || options_.style.ignore_return_path) return;
    return_path_ = sender_of(field.body());
    if (!return_path_) error_ = "the field cannot be understood: " + field.text;
  }
  // One address, or none at all: the null sender.
  std::optional<std::string> sender_of(std::string_view text) const {
    const std::optional<Items> items = parse(text);
    if (!items || items->size() > 1) return std::nullopt;
    if (items->empty() || items->front().address.is_null) return "";
    return items->front().address.envelope_text();
  }

  std::string sender() {
    if (options_.sender) {
      if (options_.sender->ends_with("@[]")) return *options_.sender;  // qmail's special senders
      std::optional<std::string> given = sender_of(*options_.sender);
      if (!given) error_ = "this sender cannot be understood: " + *options_.sender;
      return given.value_or("");
    }
    if (return_path_) return *return_path_;
    const InjectStyle& style = options_.style;
    ListedAddress own;
    own.local = options_.sender_user.empty() ? options_.user : options_.sender_user;
    own.host = options_.sender_host.empty() ? options_.host : options_.sender_host;
    if (style.sender_per_message)
      own.local += fmt::format("-{}.{}", unix_seconds(options_.now), options_.process);
    if (style.verp) own.local += "-";
    complete_address(own, options_.defaults);
    return own.envelope_text() + (style.verp ? "-@[]" : "");
  }

  std::string added_fields() const {
    std::string out;
    if (!seen_.contains(prefix() + "date"))
      out += shown_prefix() + "Date: " + format_qmail_date(options_.now) + "\n";
    if (!seen_.contains(prefix() + "message-id"))
      out += shown_prefix() + "Message-ID: <" + unique_id() + ">\n";
    if (!seen_.contains(prefix() + "from")) out += shown_prefix() + "From: " + own_name() + "\n";
    if (!seen_.contains(prefix() + "to") && !seen_.contains(prefix() + "cc"))
      out += shown_prefix() + "Cc: recipient list not shown: ;\n";
    return out + followup_to();
  }

  std::string unique_id() const {
    using namespace std::chrono;
    const auto seconds = floor<std::chrono::seconds>(options_.now);
    const auto day = floor<days>(seconds);
    const year_month_day date{day};
    const hh_mm_ss time{seconds - day};
    return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}.{}.qmail@{}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       time.hours().count(), time.minutes().count(), time.seconds().count(),
                       options_.process, options_.defaults.id_host);
  }

  std::string own_name() const {
    ListedAddress own{options_.user, options_.host, false};
    complete_address(own, options_.defaults);
    std::string name;
    for (const char c : options_.full_name)  // one line, whatever the environment says
      name += c == '\n' || c == '\r' || c == '\0' ? ' ' : c;
    if (name.empty()) return own.header_text();
    std::string escaped;
    const std::string_view specials = options_.style.comment_name ? "()\\" : "\"\\";
    for (const char c : name) {
      if (specials.find(c) != std::string_view::npos) escaped += '\\';
      escaped += c;
    }
    if (options_.style.comment_name) return own.header_text() + " (" + escaped + ")";
    return "\"" + escaped + "\" <" + own.header_text() + ">";
  }

  // For mail to a list that the user reads: answers go to all of To and Cc, not to the user.
  std::string followup_to() const {
    if (seen_.contains("mail-followup-to")) return {};
    const bool to_list = std::any_of(shown_.begin(), shown_.end(), [this](const ListItem& item) {
      const std::string address = ascii::lower(item.address.envelope_text());
      return std::any_of(options_.followup_lists.begin(), options_.followup_lists.end(),
                         [&](const std::string& list) { return ascii::lower(list) == address; });
    });
    if (!to_list) return {};
    Items plain;
    for (const ListItem& item : shown_)
      plain.push_back({ListItem::Kind::address, {}, item.address, false, {}});
    return format_address_field("Mail-Followup-To", plain);
  }

  std::vector<InjectedField> fields_;
  const InjectOptions& options_;
  std::set<std::string> seen_;
  bool resent_ = false;
  std::string error_;
  std::optional<std::string> return_path_;
  std::vector<std::string> recipients_;
  Items shown_;  // of To and Cc
};

}  // namespace

tl::expected<Injected, std::string> inject(std::vector<InjectedField> fields,
                                           const InjectOptions& options) {
  return Injector(std::move(fields), options).run();
}

}  // namespace toast::compat
