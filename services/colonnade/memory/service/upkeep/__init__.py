"""What goes on in the background: vectors are made, what has faded is forgotten, what says the same becomes
one, long sessions are summed up, what was erased is overwritten. One service of a database does it."""
