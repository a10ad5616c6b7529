"""What other tutorials, the documentation and release notes say."""
