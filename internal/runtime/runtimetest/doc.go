// Package runtimetest is the one suite that every runtime passes: what a deployment is
// promised, told as claims. A runtime's own tests adapt it to Runtime, call Act first
// thing in TestMain, and call Run. Differences between runtimes are declared as
// Capabilities.
package runtimetest
