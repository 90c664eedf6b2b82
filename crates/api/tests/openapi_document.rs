//! The document in `docs/` is the one that the program serves.

use expect_test::expect_file;

#[test]
fn document_in_docs_is_fresh() {
    let mut document =
        serde_json::to_string_pretty(&api::document(env!("CARGO_PKG_VERSION"))).unwrap();
    document.push('\n');
    // UPDATE_EXPECT=1 writes it anew.
    expect_file!["../../../docs/openapi.json"].assert_eq(&document);
}
