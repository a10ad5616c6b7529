"""Drawing: layout, theme and the engines that turn data into figures."""
