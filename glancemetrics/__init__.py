"""GlanceMetrics: what web traffic is doing now, from access logs, and alerts with a trail.

This package computes: records, windows, rules, incidents. It knows no clock, file or socket; the
package `actors` runs what is here.
"""

from glancemetrics.version import __version__

__all__ = ["__version__"]
