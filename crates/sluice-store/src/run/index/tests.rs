//! Blocks are found from any earlier one.

use proptest::prelude::*;

use super::{Fence, Index};

proptest! {
    #[test]
    fn blocks_are_found_from_any_earlier_one(
        firsts in proptest::collection::btree_set(0_u16..500, 0..60),
        asked in proptest::collection::btree_set(0_u16..500, 0..60),
    ) {
        let fence = |first: u16| Fence::new(first.to_be_bytes().into(), 0, 0);
        let index = Index { fences: firsts.into_iter().map(fence).collect(), ..Index::default() };
        let mut near = 0;
        for key in asked {
            let block = index.block_of(&key.to_be_bytes());
            prop_assert_eq!(index.block_after(near, &key.to_be_bytes()), block);
            near = block.unwrap_or(near);
        }
    }
}
