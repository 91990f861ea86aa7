// Package lookout looks at a database of production while a migration runs there: which
// locks it holds or waits for, who waits for it, and whether the moment is quiet enough to
// begin. What is found is known at once, so that the migration can be stopped.
//
// It is for servers that nothing may be changed on. It sets nothing, makes nothing, and
// needs no right but to connect: the locks and who waits for whom are open to everybody;
// what others run, and since when, is seen only of roles that it may see, and [Lookout.Blind]
// says so. It sees by samples: what is shorter than the time between two looks may go unseen.
// On a private server that may be changed, lockwatch sees more.
package lookout
