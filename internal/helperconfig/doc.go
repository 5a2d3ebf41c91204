// Package helperconfig names docker-credential-jet in a user's config.json, and
// takes it out again.
//
// A mistake in that file cuts its user off from every registry. So the file is
// never encoded anew: members are found by their place in the text, and every
// byte outside of what is put in or replaced stays, be it spacing, order, number
// spelling, a byte-order mark or a missing last line end. Uninstall gives back the
// very bytes that Install found if nobody changed the file in between, and else
// takes out our own members alone.
//
// What was replaced is kept in a small file of its own beside config.json, since
// docker/cli drops members that it does not know whenever it saves. The same file
// tells docker-credential-jet which store to pass on to. It holds names of
// registries and helpers, never a credential.
package helperconfig
