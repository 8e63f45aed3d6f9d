"""Upkeep: blobs that nothing names are collected.

**Why no blob goes that something names.** Blobs and records are in two stores, so no transaction holds
both. A put of content that is there already writes nothing, and whoever relies on it could find it gone a
moment later. Four rules keep writers and the collector apart; each is one serialisable transaction, so of two
that meet one comes after the other, at however many registries.

1. *A writer claims before it puts.* It opens a claim, which it renews while it lives, and adds the digests of
   its files to it before it puts the first. Claiming takes the marks off them. A digest that is being
   removed cannot be claimed: the writer waits until the removal is over, and puts the content again.
2. *What names a blob checks the claim.* The transaction that registers a version finds the claim with all its
   digests, or registers nothing. A claim is dropped by the collector alone, in rule 4.
3. *A mark is a row* with the moment at which a pass found the blob unnamed and unclaimed. A later pass takes
   it off again if something names the blob by then.
4. *The collector condemns before it deletes.* For a batch at a time, under its own lease, it drops the claims
   of writers that have not renewed them, and condemns those marked blobs that the grace period is over for
   and that nothing names or claims. Then it deletes them from the store, then it takes the marks off. It
   deletes nothing that it has not condemned a moment ago.

A writer that was held up for so long that its claim was dropped is refused by rule 2, and begins again. A
collector that dies between condemning and deleting leaves blobs that cannot be claimed. Its registry sets
them free at its next start, where blobs are in a folder: what would have deleted them is dead. In an object
store a request may be under way still; there, and where that registry is gone, everybody may after a quarter
of an hour (``REMOVING``), which is many times as long as a batch may take (``BATCH_SECONDS``, looked at
before each deletion). The times of leases are those of each registry's own clock: they have to agree to
within a minute.

Collecting and backing up share one lease, so what a backup names stays until it is copied.
"""
