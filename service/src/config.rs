//! The whole configuration of the program.

use chassis::config::{ConfigError, Loaded, Reader, Sources, load};

use crate::{Profile, fibonacci, message};

/// Sections of the chassis and of the features.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Sections every service has.
    pub chassis: chassis::Config,
    /// `profile`: which features are served. Default `all`.
    pub profile: Profile,
    /// `message`
    pub message: message::Config,
    /// `fibonacci`
    pub fibonacci: fibonacci::Config,
}

impl Config {
    /// Reads every layer.
    pub fn load(sources: &Sources) -> Result<Loaded<Self>, ConfigError> {
        load(sources, Self::read)
    }

    fn read(reader: &mut Reader) -> Self {
        Self {
            profile: reader.key("profile").or(Profile::All),
            message: message::Config::read(reader),
            fibonacci: fibonacci::Config::read(reader),
            chassis: chassis::Config::read(reader),
        }
    }
}
