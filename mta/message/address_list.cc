#include "mta/message/address_list.h"

#include <algorithm>
#include <span>

#include "mta/message/ascii.h"
#include "mta/message/header_tokens.h"

namespace toast {
namespace {

constexpr std::size_t kListColumn = 78;  // RFC 5322 section 2.1.1
constexpr std::string_view kListFold = "\n  ";

using Tokens = std::span<const HeaderToken>;

// As written, single blanks where there were any.
std::string text_of(Tokens tokens) {
  std::string out;
  for (const HeaderToken& token : tokens) {
    const bool words_meet = !out.empty() && token.is_word();
    if (!out.empty() && (token.space_before || (words_meet && out.back() == ')'))) out += ' ';
    out += token.raw;
  }
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// A name in front of "<": written with characters that a name may not have, it gets its quotes.
std::string phrase_of(Tokens tokens) {
  const bool bad = std::any_of(tokens.begin(), tokens.end(), [](const HeaderToken& t) {
    return t.is('@') || t.kind == HeaderToken::Kind::literal;
  });
  return bad ? quote(text_of(tokens)) : text_of(tokens);
}

bool is_dot_atom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  char previous = 'a';
  for (const char c : text) {
    const bool good = c == '.' ? previous != '.' : ascii::is_atext(c) || !ascii::is_ascii(c);
    if (!good) return false;
    previous = c;
  }
  return true;
}

// A host that can be written without quotes, for there are none for hosts: a name, or one literal.
bool is_plain_host(std::span<const HeaderToken* const> words) {
  if (words.size() == 1 && words.front()->kind == HeaderToken::Kind::literal) return true;
  return std::all_of(words.begin(), words.end(), [](const HeaderToken* token) {
    if (token->is('.')) return true;
    return token->kind == HeaderToken::Kind::atom &&
           std::all_of(token->text.begin(), token->text.end(),
                       [](char c) { return ascii::is_atext(c) || !ascii::is_ascii(c); });
  });
}

class ListParser {
 public:
  explicit ListParser(Tokens tokens) : rest_(tokens) {}

  std::optional<std::vector<ListItem>> parse() {
    while (!rest_.empty() && !failed_) step();
    flush_bare();
    if (in_group_) end_group();
    if (failed_) return std::nullopt;
    return std::move(items_);
  }

 private:
  void step() {
    const HeaderToken& token = rest_.front();
    if (token.is('<')) return take_bracketed();
    rest_ = rest_.subspan(1);
    if (token.is(',')) {
      flush_bare();
    } else if (token.is(';')) {
      flush_bare();
      if (in_group_) end_group();
    } else if (token.is(':')) {
      begin_group();
    } else if (token.is('>')) {
      failed_ = true;
    } else {
      pending_.push_back(token);
    }
  }

  void begin_group() {
    failed_ = failed_ || in_group_ || pending_.empty();
    in_group_ = true;
    items_.push_back({ListItem::Kind::group_begin, text_of(pending_), {}, false, {}});
    pending_.clear();
  }
  void end_group() {
    in_group_ = false;
    items_.push_back({ListItem::Kind::group_end, {}, {}, false, {}});
  }

  void take_bracketed() {
    const auto is_end = [](const HeaderToken& t) { return t.is('>'); };
    const auto end = std::find_if(rest_.begin(), rest_.end(), is_end);
    if (end == rest_.end()) {
      failed_ = true;
      return;
    }
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    ListItem item;
    item.in_brackets = true;
    item.before = phrase_of(pending_);
    pending_.clear();
    set_address(item, rest_.subspan(1, size - 1));
    item.address.is_null = item.address.local.empty() && item.address.host.empty();
    rest_ = rest_.subspan(size + 1);
    while (!rest_.empty() && rest_.front().kind == HeaderToken::Kind::comment) {
      item.after += " " + rest_.front().raw;
      rest_ = rest_.subspan(1);
    }
    items_.push_back(std::move(item));
  }

  // Addresses without brackets; where two words meet a comma is missing.
  void flush_bare() {
    Tokens left(pending_);
    while (!left.empty()) {
      std::size_t size = 0;
      bool word_before = false;
      for (; size < left.size(); ++size) {
        const HeaderToken& token = left[size];
        if (token.kind == HeaderToken::Kind::comment) continue;
        const bool word = token.kind != HeaderToken::Kind::special;
        if (word && word_before) break;
        word_before = word;
      }
      add_bare(left.first(size));
      left = left.subspan(size);
    }
    pending_.clear();
  }
  void add_bare(Tokens tokens) {
    ListItem item;
    for (const HeaderToken& token : tokens)
      if (token.kind == HeaderToken::Kind::comment) item.after += " " + token.raw;
    set_address(item, tokens);
    if (item.address.local.empty() && item.address.host.empty()) {
      if (!items_.empty()) items_.back().after += item.after;  // a comment alone
      return;
    }
    items_.push_back(std::move(item));
  }

  void set_address(ListItem& item, Tokens tokens) {
    std::vector<const HeaderToken*> words;
    for (const HeaderToken& token : tokens)
      if (token.kind != HeaderToken::Kind::comment) words.push_back(&token);
    // A source route: "@a,@b:" (RFC 5321 appendix C); never used.
    if (!words.empty() && words.front()->is('@')) {
      const auto colon =
          std::find_if(words.begin(), words.end(), [](const HeaderToken* t) { return t->is(':'); });
      failed_ = failed_ || colon == words.end();
      if (colon == words.end()) return;
      words.erase(words.begin(), colon + 1);
    }
    const auto at =
        std::find_if(words.rbegin(), words.rend(), [](const HeaderToken* t) { return t->is('@'); });
    const auto host = at == words.rend() ? words.end() : at.base();
    failed_ = failed_ || !is_plain_host({host, words.end()});
    for (auto word = words.begin(); word != words.end(); ++word) {
      if ((*word)->kind == HeaderToken::Kind::special && !(*word)->is('.') && !(*word)->is('@'))
        failed_ = true;
      if (word + 1 == host && (*word)->is('@')) continue;
      std::string& part = word < host ? item.address.local : item.address.host;
      part += (*word)->kind == HeaderToken::Kind::special ? (*word)->raw : (*word)->text;
    }
    if (item.address.local.empty() && !item.address.host.empty()) failed_ = true;
  }

  Tokens rest_;
  std::vector<HeaderToken> pending_;
  std::vector<ListItem> items_;
  bool in_group_ = false;
  bool failed_ = false;
};

std::string item_text(const ListItem& item) {
  switch (item.kind) {
    case ListItem::Kind::group_begin:
      return item.before + ":" + item.after;
    case ListItem::Kind::group_end:
      return ";" + item.after;
    case ListItem::Kind::address:
      break;
  }
  std::string text = item.address.is_null ? std::string() : item.address.header_text();
  if (item.in_brackets && (item.address.is_null || !item.before.empty())) text = "<" + text + ">";
  if (!item.before.empty()) text = item.before + " " + text;
  return text + item.after;
}

}  // namespace

std::string ListedAddress::envelope_text() const {
  return host.empty() ? local : local + "@" + host;
}

std::string ListedAddress::header_text() const {
  const std::string name = is_dot_atom(local) ? local : quote(local);
  return host.empty() ? name : name + "@" + host;
}

std::optional<std::vector<ListItem>> parse_address_list(std::string_view body) {
  const std::optional<std::vector<HeaderToken>> tokens = tokenize_header(body);
  if (!tokens) return std::nullopt;
  return ListParser(*tokens).parse();
}

std::string format_address_field(std::string_view name, const std::vector<ListItem>& items) {
  std::string out(name);
  out += ':';
  std::size_t column = out.size();
  bool comma = false;
  for (const ListItem& item : items) {
    const std::string text = item_text(item);
    const bool closes = item.kind == ListItem::Kind::group_end;
    if (comma && !closes) {
      out += ',';
      ++column;
    }
    if (!closes) {
      const bool fits = column + 1 + text.size() + 1 < kListColumn;
      const bool first = column == name.size() + 1;
      out += fits || first ? std::string_view(" ") : kListFold;
      column = fits || first ? column + 1 : kListFold.size() - 1;
    }
    out += text;
    column += text.size();
    comma = item.kind != ListItem::Kind::group_begin;
  }
  out += '\n';
  return out;
}

}  // namespace toast
