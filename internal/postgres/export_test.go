package postgres

// Near is the rule by which a moment tells a server on this machine.
var Near = near
