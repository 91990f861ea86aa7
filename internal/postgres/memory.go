package postgres

// KeepMemory is a statement for a session that will ask for the server's activity many times a
// second. For each answer its process takes a few hundred kilobytes and gives them back to the
// system, which takes longer than the answer: glibc's allocator keeps back what is freed only up to
// the biggest piece that it has been asked for. Elsewhere it does nothing.
const KeepMemory = "SELECT length(repeat('x', 4000000))"
