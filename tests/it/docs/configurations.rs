//! Every example of a configuration is one.

use super::pages::pages;

#[test]
fn every_piece_of_configuration_is_toml() {
    let mut seen = 0;
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.language == "toml") {
            seen += 1;
            if let Err(error) = toml::from_str::<toml::Table>(&block.text) {
                panic!("{}: this is not TOML: {error}\n{}", page.path.display(), block.text);
            }
        }
    }
    assert!(seen > 5, "found only {seen}");
}
