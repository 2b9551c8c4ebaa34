#include "admin-cli/suggestion.h"

#include <algorithm>
#include <numeric>

namespace toast::admin {
namespace {

constexpr std::size_t kMaxCompared = 256;

// Insertions, deletions, replacements, and swaps of neighbours, the commonest slip of fingers.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  std::iota(d[0].begin(), d[0].end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest_word(std::string_view typed, const std::vector<std::string>& words) {
  if (typed.size() > kMaxCompared) return {};
  std::string best;
  std::size_t best_distance = typed.size() / 3 + 1;
  for (const std::string& word : words) {
    if (word.size() > kMaxCompared) continue;
    if (typed.size() >= 3 && word.starts_with(typed)) return word;
    const std::size_t here = distance(typed, word);
    if (here > best_distance || (here == best_distance && !best.empty())) continue;
    best = word;
    best_distance = here;
  }
  return best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& words) {
  const std::string word = nearest_word(typed, words);
  return word.empty() ? word : "did you mean " + word + "?";
}

}  // namespace toast::admin
