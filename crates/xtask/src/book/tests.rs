//! What mdBook says of a page that cannot be built as it is meant.

use super::has_complaint;

#[test]
fn complaints_are_told_from_progress() {
    assert!(!has_complaint(" INFO Book building has started\n INFO Running the html backend\n"));
    assert!(!has_complaint(""));
    assert!(has_complaint(" INFO Book building has started\n WARN unclosed HTML tag `<b>`\n"));
    assert!(has_complaint("ERROR Error updating \"{{#include none.md}}\", Could not read file\n"));
}
