// Host of the shared precompiled header.
