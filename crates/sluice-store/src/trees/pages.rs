//! A tree of sled whose pages do not pile up in memory.
//!
//! In: pieces under short keys. Out: the same. sled looks whether a 256th of its pages is within its part of the cache
//! only after 64 uses of them, and drops nothing before: lookups of everything that a large store holds left hundreds of
//! mebibytes of pages that nobody asked again. So whoever comes to a page that was not used lately uses it some more
//! times. Then sled looks after every few pages, the fewer the less memory there is; a use costs a hundredth of
//! reading a page. What it drops is freed at once, not when the thread has dropped 64 things.

use std::{
    hash::Hasher as _,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use sled::IVec;
use xxhash_rust::xxh3::Xxh3;

/// Uses after which sled looks at a 256th of its pages.
const USES_UNTIL_LOOK: u32 = 64;

/// Pieces that are taken to be on one page: about as many as there are on one that was filled in order.
const PIECES_OF_PAGE: u32 = 8;

/// Pages that are known as used lately.
const RECENT_PAGES: usize = 256;

/// Pages of a 256th that pile up before the memory plan is known.
const PILED_UP_MAX: u32 = 8;

/// A tree; all trees of a store share what is known of their pages.
#[derive(Debug)]
pub(crate) struct Tree {
    tree: sled::Tree,
    pages: Arc<Pages>,
}

/// Which pages were used lately.
#[derive(Debug)]
pub(super) struct Pages {
    piled_up_max: AtomicU32,
    /// By a part of their hashes.
    recent: Box<[AtomicU64]>,
}

impl Pages {
    /// Knows of none.
    pub(super) fn new() -> Self {
        let recent = (0..RECENT_PAGES).map(|_| AtomicU64::new(0)).collect();
        Self { piled_up_max: AtomicU32::new(PILED_UP_MAX), recent }
    }

    /// Lets up to so many pages of a 256th pile up.
    pub(super) fn let_pile_up(&self, pages_max: u32) {
        self.piled_up_max.store(pages_max, Ordering::Relaxed);
    }

    /// Uses of a page that was not used lately, beside the one that it is come to for.
    fn more_uses(&self) -> u32 {
        (USES_UNTIL_LOOK / self.piled_up_max.load(Ordering::Relaxed).max(1)).saturating_sub(1)
    }

    /// Notes a use of a page; returns how many more it takes.
    fn use_page(&self, page: u64) -> u32 {
        let slot = usize::try_from(page % RECENT_PAGES as u64).ok().and_then(|slot| self.recent.get(slot));
        let is_recent = slot.is_some_and(|slot| slot.swap(page, Ordering::Relaxed) == page);
        if is_recent { 0 } else { self.more_uses() }
    }
}

impl Tree {
    /// Opens or creates one.
    pub(super) fn open(db: &sled::Db, name: &str, pages: &Arc<Pages>) -> sled::Result<Self> {
        Ok(Self { tree: db.open_tree(name)?, pages: Arc::clone(pages) })
    }

    /// Reads a piece.
    pub(super) fn get_piece(&self, prefix: &[u8], piece: u32) -> sled::Result<Option<IVec>> {
        let key = piece_key(prefix, piece);
        let found = self.tree.get(&key)?;
        self.come_to(prefix, piece, &key)?;
        Ok(found)
    }

    /// Stores a piece.
    pub(super) fn put_piece(&self, prefix: &[u8], piece: u32, bytes: &[u8]) -> sled::Result<()> {
        let key = piece_key(prefix, piece);
        self.tree.insert(&key, bytes)?;
        self.come_to(prefix, piece, &key)
    }

    /// Removes a piece.
    pub(super) fn remove_piece(&self, prefix: &[u8], piece: u32) -> sled::Result<()> {
        let key = piece_key(prefix, piece);
        self.tree.remove(&key)?;
        self.come_to(prefix, piece, &key)
    }

    /// Uses the page of a piece as often as it takes.
    fn come_to(&self, prefix: &[u8], piece: u32, key: &[u8]) -> sled::Result<()> {
        if self.pages.more_uses() == 0 {
            return Ok(());
        }
        let mut page = Xxh3::new();
        page.update(&self.tree.name());
        page.update(prefix);
        page.write_u32(piece / PIECES_OF_PAGE);
        let uses = self.pages.use_page(page.finish());
        for _ in 0..uses {
            self.tree.get(key)?;
        }
        if 0 < uses {
            sled::pin().flush();
        }
        Ok(())
    }
}

/// What is done beside pieces.
impl Deref for Tree {
    type Target = sled::Tree;

    fn deref(&self) -> &sled::Tree {
        &self.tree
    }
}

fn piece_key(prefix: &[u8], piece: u32) -> Vec<u8> {
    [prefix, &piece.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
