//! The cache gives back what it was given, stays within its bytes, and lets no scan push out what is asked again.

use std::sync::Arc;

use sluice_model::limits::BLOCK_CACHE_BYTES_MAX;

use super::{BlockCache, CONTEXT_BYTES_MAX};
use crate::run::RowsBlock;

fn context(number: u32) -> Arc<[u8]> {
    number.to_be_bytes().repeat(256).into()
}

#[test]
fn rows_and_contexts_of_the_same_numbers_are_not_mixed_up() {
    let cache = BlockCache::new(BLOCK_CACHE_BYTES_MAX);
    cache.keep_context(7, 1, &context(5));
    assert!(cache.rows(7, 1).is_none() && cache.context(1, 7).is_none());
    cache.keep_rows(7, 1, &Arc::new(RowsBlock::default()));
    assert_eq!(cache.context(7, 1), Some(context(5)));
    assert!(cache.rows(7, 1).is_some() && cache.rows(1, 7).is_none());
}

#[test]
fn the_bytes_are_bounded_whatever_is_read() {
    let cache = BlockCache::new(BLOCK_CACHE_BYTES_MAX);
    for number in 0..u32::try_from(2 * BLOCK_CACHE_BYTES_MAX / 1024).unwrap() {
        cache.keep_context(1, number, &context(number));
    }
    assert!(cache.cache.weight() <= BLOCK_CACHE_BYTES_MAX as u64, "{}", cache.cache.weight());
    cache.keep_context(2, 0, &vec![0; CONTEXT_BYTES_MAX + 1].into());
    assert!(cache.context(2, 0).is_none());
}

#[test]
fn what_is_asked_again_outlives_a_scan() {
    let cache = BlockCache::new(BLOCK_CACHE_BYTES_MAX);
    for number in 0..1_000 {
        cache.keep_context(1, number, &context(number));
    }
    for number in 0..u32::try_from(4 * BLOCK_CACHE_BYTES_MAX / 1024).unwrap() {
        cache.keep_context(2, number, &context(number));
        assert!(cache.context(1, number % 1_000).is_some());
    }
    for number in 0..1_000 {
        assert_eq!(cache.context(1, number), Some(context(number)));
    }
}
