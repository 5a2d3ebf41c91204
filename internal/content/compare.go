package content

import "github.com/dockercfg/jet/dockercfg"

// ChangeKind is what happened to an item.
type ChangeKind int

const (
	Added ChangeKind = iota
	Removed
	Changed
)

// String gives the word for it.
func (k ChangeKind) String() string { return [...]string{"added", "removed", "changed"}[k] }

// Change is an item that two texts do not have alike.
type Change struct {
	Kind     ChangeKind
	Item     Item             // of the new text; of the old one if it was removed
	Old, New dockercfg.Secret // the values; zero where there is none
}

// Compare tells which items were added or changed, in the order of the new text,
// and then which were removed, in that of the old one. Order and layout do not
// count, so there may be no change between texts that differ.
func Compare(old, new *Content) []Change {
	type identity struct {
		id    dockercfg.Secret
		field string
	}
	before, after := make(map[identity]Item), make(map[identity]bool)
	for _, item := range old.Items {
		before[identity{item.ID, item.Field}] = item
	}
	var changes []Change
	for _, item := range new.Items {
		id := identity{item.ID, item.Field}
		after[id] = true
		switch was, ok := before[id]; {
		case !ok:
			changes = append(changes, Change{Kind: Added, Item: item, New: item.Value})
		case was.Value != item.Value:
			changes = append(changes, Change{Kind: Changed, Item: item, Old: was.Value, New: item.Value})
		}
	}
	for _, item := range old.Items {
		if !after[identity{item.ID, item.Field}] {
			changes = append(changes, Change{Kind: Removed, Item: item, Old: item.Value})
		}
	}
	return changes
}
