// Package crypto reads and writes the encrypted files of a project: any content,
// byte for byte, under one AES-256 key.
//
// # Formats
//
// It reads everything that Codeship's tools ever wrote (Unsigned, CodeshipV2,
// CloudBeesV1) and a format of its own, JetV1, which is C2SP chunked encryption
// (Cobblestone-256) under a header line. It writes CodeshipV2 and JetV1. The
// layouts are described in docs/format.md, exactly enough for a second
// implementation, and will be read for as long as this module exists.
//
// # What the formats protect against
//
// All of them keep the content from somebody who has the file and not the key.
// Only JetV1 also resists somebody who can change the file: truncation,
// reordering, appending and flipped bits are found, and a wrong key is told from
// damage. The checksum of CodeshipV2 finds accidents only, and Unsigned finds
// nothing. The length of the content is visible in every format.
//
// # Use
//
// Encrypt and Decrypt stream from an io.Reader to an io.Writer at constant
// memory. The package knows no paths, environment or terminal, and logs nothing.
// Whoever needs the standard library's crypto beside it imports this one as
// jetcrypto.
package crypto
