// Package filetree clones a file or a folder with everything in it by the best that its
// file system has, and says which that was.
//
// # How
//
//   - [Reflink]: the clone shares its blocks with the original until one of the two is
//     written (FICLONE on Linux: XFS, btrfs, bcachefs, OCFS2, ZFS 2.2; clonefile on macOS:
//     APFS). It takes as long as there are extents, whatever the size.
//   - [Copy]: the bytes are copied, inside the kernel where it can (copy_file_range), holes
//     left out.
//
// Whether a file system truly shares is tried, not looked up: a kernel may know the call
// and a file system refuse it, and the answer differs from folder to folder.
//
// Hard links are no third way. A link is the same file: what the twin writes would be
// written in production. "With care", as others offer them, means that every program
// replaces files and none writes into one, and no program promises that. Links inside the
// tree stay links among themselves, in the clone.
//
// # What is kept
//
// Modes, times, symbolic links (as they are, not what they point to), holes, owners (as
// root; else the clone is ours), extended attributes and access lists (those we may set).
// Named pipes, sockets and devices are refused: a clone of them stands for nothing.
//
// # When things go wrong
//
//	(nothing) ──made beside, under a working name──▶ flushed ──renamed──▶ there
//
// [Clone] makes the clone beside its place, flushes it, then renames it, so that a name
// never stands for half a tree. What a crash left under the working name is removed by the
// next Clone to the same place. [Reset] lets the new tree and the old one change places. Room is looked for before the first byte is written. Of
// a tree that is written meanwhile every file is as it was at some moment, not all at the
// same one; files that go away meanwhile are counted and left out.
package filetree
