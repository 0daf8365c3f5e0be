//! What all routes have in common.

use chassis_config::{Count, Legacy, Reader};

/// The section `api`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Items of a page, 1 to 1024, default 25; a client may ask for four times as many (contract 4.4.17).
    pub page_size: Count,
}

impl Api {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        const PAGE_SIZE: &[Legacy] = &[Legacy::same("CST_API_DEFAULT_PAGE_SIZE")];
        Self { page_size: reader.key("api.page_size").above_file(PAGE_SIZE).or(Count::new(25)) }
    }
}
