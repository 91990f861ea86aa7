// Package config turns what a team writes (understudy.yaml, compose.yaml, Procfile,
// .env) into the words of the root package, and an environment's layers of
// configuration into what one service is started with.
//
// It is the only place that knows the form of these files: an old form is converted
// here and nowhere else. It reads, and decides; it starts nothing but the command of
// an exec: secret, and writes nothing.
//
// Two promises hold throughout. A problem in a file points at file, line, column and
// key, says what was expected and what was found, and several are told at once. And a
// secret's value is in no error, whatever else is wrong with the file that names it.
package config
