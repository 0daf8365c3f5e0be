//! The whole configuration of the program.

use chassis::config::{self, ConfigError, Loaded, Reader, Root, Settings, Sources, load};

use crate::{Profile, directory, fibonacci, message};

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
    /// `upstreams.regions` and `upstreams.roles`
    pub directory: directory::Config,
}

impl Config {
    /// Reads every layer.
    pub fn load(sources: &Sources) -> Result<Loaded<Self>, ConfigError> {
        load(sources, Self::read)
    }

    /// Every setting, whatever is wrong with the values.
    pub fn settings(sources: &Sources) -> Settings {
        config::settings(sources, Self::read)
    }

    /// Reads the sections.
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let profile = reader.key("profile").about("Which features are served.").or(Profile::All);
        // Contract 0b.10.
        let root = if profile.is_directory() { Root::Index } else { Root::Docs };
        Self {
            profile,
            message: message::Config::read(reader),
            fibonacci: fibonacci::Config::read(reader),
            directory: directory::Config::read(reader, profile.directory()),
            chassis: chassis::Config::with_root(reader, root),
        }
    }
}

impl AsRef<chassis::Config> for Config {
    fn as_ref(&self) -> &chassis::Config {
        &self.chassis
    }
}
