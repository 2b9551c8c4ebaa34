// Records that change a message that is there already, folded into the index: the same code when
// they are committed and when they are replayed.
#pragma once

#include "mta/queue/journal/index.h"

namespace toast::queue {

// A record about a message that is not live any more changes nothing; the body that nobody needs
// any longer is returned, if there is one.
template <class Change>
BodyRef fold_change(Index& index, const Change& record) {
  index.saw(record.id);
  if (LiveMessage* message = index.find(record.id)) (void)apply(message->state, record);
  return {};
}

inline BodyRef fold_change(Index& index, const Finished& record) { return index.remove(record.id); }

// The parts of a compound that are about its parent; its children are in the index already, so
// that a body they share stays.
template <class AnyCompound>
BodyRef fold_parent(Index& index, const AnyCompound& record) {
  for (const Outcome& outcome : record.outcomes) (void)fold_change(index, outcome);
  return record.finishes_parent ? index.remove(record.parent) : BodyRef();
}

}  // namespace toast::queue
